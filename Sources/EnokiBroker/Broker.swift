/// A message broker: what every transport implements and all that the framework knows of one.
///
/// A broker works while ``run()`` runs. Calls made before it is connected, or while the connection is lost, wait for the
/// connection until their own deadline.
public protocol Broker: Sendable {
    /// Where the broker is, for logs and errors: never with a password.
    var address: String { get }

    /// Whether the broker can be used now.
    var status: BrokerStatus { get }

    /// The present status, then every change. Slow readers miss what lies between; the newest is never missed. The stream
    /// ends when the broker is closed.
    func statusUpdates() -> AsyncStream<BrokerStatus>

    /// Connects and serves until the task is cancelled. Returning, it has closed its connections and failed what waited.
    ///
    /// - Throws: ``BrokerError`` when the broker can never be used, such as with a refused login, or when it is told to
    ///   fail at once (`failFast`) and the first connection does not succeed.
    func run() async throws

    /// Declares `topology`: exchanges, then queues, then bindings. What exists with the same arguments is left as it is.
    /// A transport that reconnects declares it again.
    ///
    /// - Throws: ``BrokerError`` with code ``BrokerError/Code/preconditionFailed`` when a part exists with other arguments.
    func declare(_ topology: Topology) async throws(BrokerError)

    /// Declares `topology` as ``declare(_:)`` does, but for what exists with other arguments: that is used as it is. A transport
    /// that reconnects declares it with the arguments given here if it is gone by then.
    ///
    /// - Returns: What exists with other arguments, one entry for each exchange or queue.
    /// - Throws: ``BrokerError``, also for an exchange of another type, and for what would go earlier than is wanted: with the
    ///   broker's next start, or with its last consumer or binding.
    func declareOrUse(_ topology: Topology) async throws(BrokerError) -> [InequivalentArgument]

    /// Publishes `message` without waiting: `completion` is called once, when the broker has confirmed the message or when
    /// that has failed. Confirmed, it is in every queue that it was routed to, on disk where message and queue are durable.
    ///
    /// Messages that one task publishes are sent in that order. `completion` may be called before this returns, or later on
    /// the transport's own thread; it must not block.
    ///
    /// When the connection is lost before the confirm comes, the message is sent again on the next one, within its timeout,
    /// before all that was published after it, and once: lost a second time its outcome is unknown. The broker may have
    /// taken it the first time, so a message can be in its queues twice, with the same message id: one without an id is
    /// given one before it is first sent.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - exchange: The name of the exchange; empty for the default exchange.
    ///   - routingKey: The routing key; on the default exchange the name of the queue.
    ///   - options: How it is published.
    ///   - completion: Gets a ``BrokerError`` on failure; its ``BrokerError/publishOutcome`` says what became of the message.
    /// - Returns: What gives the message up before its timeout.
    @discardableResult
    func publish(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) -> PublishTicket

    /// Consumes `queue`: calls `onDelivery` for each delivery, in order, until the consumer is cancelled.
    ///
    /// `onDelivery` is called on the transport's own thread and must not block.
    ///
    /// - Throws: ``BrokerError``, such as ``BrokerError/Code/notFound`` or ``BrokerError/Code/resourceLocked``.
    func consume(
        _ queue: String,
        options: ConsumerOptions,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer

    /// Consumes `queue` as ``consume(_:options:onDelivery:)`` does, and calls `onQueueLost` when the queue was gone, and with
    /// it what was in it: since it was deleted, or had expired while the connection was away, or the broker came back without
    /// its disk. By then it is declared again, if it was declared here.
    ///
    /// `onQueueLost` is called on the transport's own thread and must not block. A transport that cannot know never calls it.
    ///
    /// - Throws: ``BrokerError``, such as ``BrokerError/Code/notFound`` or ``BrokerError/Code/resourceLocked``.
    func consume(
        _ queue: String,
        options: ConsumerOptions,
        onQueueLost: @escaping @Sendable () -> Void,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer

    /// Asks for the state of a queue.
    ///
    /// - Throws: ``BrokerError`` with code ``BrokerError/Code/notFound`` when there is none of that name.
    func inspect(queue: String) async throws(BrokerError) -> QueueStatus

    /// Removes a binding; one that does not exist is no error.
    func unbind(_ binding: Binding) async throws(BrokerError)

    /// Removes the ready messages of a queue and returns how many there were.
    @discardableResult
    func purge(queue: String) async throws(BrokerError) -> Int

    /// Deletes a queue with its messages; one that does not exist is no error.
    func delete(queue: String) async throws(BrokerError)

    /// Deletes an exchange with its bindings; one that does not exist is no error.
    func delete(exchange: String) async throws(BrokerError)
}

extension Broker {
    /// Publishes `message` and returns once the broker has confirmed it: it is in every queue that it was routed to, on
    /// disk where message and queue are durable.
    ///
    /// It ends when the options' timeout is over, or when the task is cancelled. A message that was not sent by then is not sent
    /// any more (``BrokerError/Code/notSent``), and the outcome of one that was is unknown (``BrokerError/Code/outcomeUnknown``).
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - exchange: The name of the exchange; empty for the default exchange.
    ///   - routingKey: The routing key; on the default exchange the name of the queue.
    ///   - options: How it is published.
    /// - Throws: ``BrokerError``; its ``BrokerError/publishOutcome`` says what became of the message.
    public func publish(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions = PublishOptions()
    ) async throws(BrokerError) {
        if Task.isCancelled { throw .cancelledBeforeSending }
        let cancellation = PublishCancellation()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                cancellation.arm(
                    self.publish(message, to: exchange, routingKey: routingKey, options: options) { result in
                        continuation.resume(returning: result)
                    }
                )
            }
        } onCancel: {
            cancellation.cancel()
        }
        try result.get()
    }

    /// Publishes as ``publish(_:to:routingKey:options:)`` does, and learns the outcome also in a task that is cancelled.
    package func publishWhateverHappens(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions
    ) async throws(BrokerError) {
        let result: Result<Void, BrokerError> = await withCheckedContinuation { continuation in
            self.publish(message, to: exchange, routingKey: routingKey, options: options) { result in
                continuation.resume(returning: result)
            }
        }
        try result.get()
    }

    /// Declares, and uses nothing that exists with other arguments: what a broker does that cannot tell how they differ.
    public func declareOrUse(_ topology: Topology) async throws(BrokerError) -> [InequivalentArgument] {
        try await self.declare(topology)
        return []
    }

    /// Consumes, and never tells that the queue was lost.
    public func consume(
        _ queue: String,
        options: ConsumerOptions,
        onQueueLost: @escaping @Sendable () -> Void,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer {
        try await self.consume(queue, options: options, onDelivery: onDelivery)
    }

    /// Consumes with the default ``ConsumerOptions``.
    public func consume(
        _ queue: String,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer {
        try await self.consume(queue, options: ConsumerOptions(), onDelivery: onDelivery)
    }
}
