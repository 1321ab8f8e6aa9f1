public import EnokiBroker
public import Logging

/// A message broker inside the process, with the semantics of AMQP 0-9-1 and the behaviour of RabbitMQ.
///
/// All containers of a process share one. The broker is itself a connection, which serves where one is enough;
/// ``connect(name:)`` makes more, for several instances of a service as RabbitMQ would see them.
///
/// ```swift
/// let broker = InProcessBroker()
/// try await withThrowingTaskGroup { group in
///     group.addTask { try await broker.run() }
///     try await broker.declare(Topology(queues: [Queue("work")]))
///     _ = try await broker.consume("work") { $0.token.settle(.ack) }
///     try await broker.publish(Message("hello"), to: "", routingKey: "work")
///     …
///     group.cancelAll()
/// }
/// ```
///
/// Calls are answered from the start; with a seed, publishes are confirmed only while ``run()`` runs. Deliveries are made, and
/// queues and messages expire, while ``run()`` runs. Consumers are called by its task, one at a time, with no lock held: a consumer
/// may publish and settle as it likes, and must not block.
public final class InProcessBroker: Broker {
    /// The name of the virtual host.
    public let virtualHost: String
    private let server: BrokerServer
    private let connection: InProcessConnection
    private let maxBodySize: Int

    /// A broker without queues.
    ///
    /// - Parameters:
    ///   - virtualHost: The name of the virtual host, which stands in the texts of errors; an AMQP port serves the broker
    ///     under it.
    ///   - clock: The clock by which queues and messages expire; a ``VirtualClock`` puts time under a test's control.
    ///   - seed: Picks which of the connections and consumers gets next what the broker has for it, and lets confirms come
    ///     late: the same ones for the same seed, where the broker is used in the same order. By default they take turns, and
    ///     a confirm comes at once.
    ///   - faults: What goes wrong, and when.
    ///   - maxBodySize: The longest body that a connection publishes or takes, in bytes, as with the transport for RabbitMQ. What
    ///     clients of an AMQP port send may be longer. Default 16 MiB.
    ///   - logger: Gets what the broker does, at debug level.
    public init(
        virtualHost: String = "/",
        clock: some Clock<Duration> = ContinuousClock(),
        seed: UInt64? = nil,
        faults: FaultPlan = .none,
        maxBodySize: Int = 16 * 1024 * 1024,
        logger: Logger = .current
    ) {
        self.virtualHost = virtualHost
        self.server = BrokerServer(virtualHost: virtualHost, clock: clock, seed: seed, faults: faults, logger: logger)
        self.maxBodySize = maxBodySize
        self.connection = InProcessConnection(name: "main", to: self.server, maxBodySize: maxBodySize)
    }

    /// A new connection, open until it is closed, its `run()` returns, or the broker closes.
    public func connect(name: String) -> InProcessConnection { self.connect(name: name, maxBodySize: self.maxBodySize) }

    /// The same, with a limit of its own to the bodies that it publishes or takes.
    package func connect(name: String, maxBodySize: Int) -> InProcessConnection {
        InProcessConnection(name: name, to: self.server, maxBodySize: maxBodySize)
    }

    /// A new connection in AMQP's own terms: channels with their methods.
    ///
    /// - Parameter sink: Is told when the broker has closed the connection, with the reason.
    package func open(
        name: String,
        user: String = "guest",
        sink: (any EventSink)? = nil
    ) -> ServerConnection {
        ServerConnection(to: self.server, name: name, user: user, sink: sink)
    }

    /// Tells of what happens to the broker as a whole.
    package func watch(
        onClose: @escaping @Sendable () -> Void,
        onBlock: @escaping @Sendable () -> Void
    ) -> BrokerWatch {
        BrokerWatch(self.server, onClose: onClose, onBlock: onBlock)
    }

    /// Whether somebody runs the broker.
    package var isRunning: Bool { self.server.state.withLock { $0.isRunning } }

    /// Why the broker takes no messages, where it takes none.
    package var blockReason: String? { self.server.blockReason }

    /// What the broker holds of its clients at this moment, for tests.
    package var holdings: ClientHoldings { self.server.holdings }

    /// What the broker holds at this moment, for tests.
    public func snapshot() -> BrokerSnapshot { self.server.state.withLock { BrokerSnapshot($0.virtualHost) } }

    /// What the fault plan has made go wrong so far, in order: a plan that does the same.
    public var faults: [Fault] { self.server.state.withLock { $0.faults.occurred } }

    // MARK: - What an operator, or an accident, does to a broker

    /// Closes all connections, which connect again at once.
    ///
    /// Of unconfirmed messages nobody knows what became; what was delivered and not settled comes again.
    public func dropConnections(because reason: String = "closed by the test") {
        self.server.dropConnections(named: nil, because: reason)
    }

    /// Closes the connections with that name, which connect again at once.
    public func dropConnections(named name: String, because reason: String = "closed by the test") {
        self.server.dropConnections(named: name, because: reason)
    }

    /// Closes all connections and takes none until ``start()``. As when RabbitMQ is stopped, only durable exchanges, durable
    /// queues and the persistent messages in them are left.
    public func stop() { self.server.stop() }

    /// Takes connections again, after ``stop()``.
    public func start() { self.server.start() }

    /// Stops the broker and starts it again.
    public func restart() {
        self.server.stop()
        self.server.start()
    }

    /// Takes no messages until ``unblock()``, as RabbitMQ does when memory or disk run low (`connection.blocked`). Deliveries
    /// go on.
    public func block(because reason: String = "low on memory") { self.server.block(because: reason) }

    /// Takes messages again, after ``block(because:)``.
    public func unblock() { self.server.block(because: nil) }

    /// Cancels the consumers of a queue, as RabbitMQ does when the queue's node goes away (`basic.cancel`).
    public func cancelConsumers(ofQueue name: String) { self.server.cancelConsumers(ofQueue: name) }

    // MARK: - Broker

    /// `in-process`.
    public var address: String { "in-process" }

    /// Whether the broker can be used now.
    public var status: BrokerStatus { self.connection.status }

    /// The present status, then every change.
    public func statusUpdates() -> AsyncStream<BrokerStatus> { self.connection.statusUpdates() }

    /// Makes deliveries and lets things expire until the task is cancelled; returning, the broker is closed with all its
    /// connections and has forgotten its messages.
    ///
    /// - Throws: `BrokerError` with code `BrokerError.Code.invalidArgument` when it runs already, and with
    ///   `BrokerError.Code.closed` when it has run.
    public func run() async throws { try await self.server.run() }

    /// Calls `action` when the broker has closed, with the queues that hold messages until then, and how many.
    package func whenClosed(_ action: @escaping @Sendable ([(queue: String, messages: Int)]) -> Void) {
        self.server.state.withLock { $0.whenClosed = action }
    }

    /// Declares `topology`; see `Broker.declare(_:)`.
    public func declare(_ topology: Topology) async throws(BrokerError) { try await self.connection.declare(topology) }

    /// Declares `topology`, and uses what exists with other arguments as it is; see `Broker.declareOrUse(_:)`.
    public func declareOrUse(_ topology: Topology) async throws(BrokerError) -> [InequivalentArgument] {
        try await self.connection.declareOrUse(topology)
    }

    /// Publishes `message`; see `Broker.publish(_:to:routingKey:options:completion:)`.
    @discardableResult
    public func publish(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) -> PublishTicket {
        self.connection.publish(
            message,
            to: exchange,
            routingKey: routingKey,
            options: options,
            completion: completion
        )
    }

    /// Consumes `queue`; see `Broker.consume(_:options:onDelivery:)`.
    public func consume(
        _ queue: String,
        options: ConsumerOptions,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer {
        try await self.connection.consume(queue, options: options, onDelivery: onDelivery)
    }

    /// Consumes `queue`; see `Broker.consume(_:options:onQueueLost:onDelivery:)`.
    public func consume(
        _ queue: String,
        options: ConsumerOptions,
        onQueueLost: @escaping @Sendable () -> Void,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer {
        try await self.connection.consume(queue, options: options, onQueueLost: onQueueLost, onDelivery: onDelivery)
    }

    /// Asks for the state of a queue; an unused queue that expires lives on from here.
    public func inspect(queue: String) async throws(BrokerError) -> QueueStatus {
        try await self.connection.inspect(queue: queue)
    }

    /// Removes a binding; one that does not exist is no error.
    public func unbind(_ binding: Binding) async throws(BrokerError) { try await self.connection.unbind(binding) }

    /// Removes the ready messages of a queue and returns how many there were.
    @discardableResult
    public func purge(queue: String) async throws(BrokerError) -> Int { try await self.connection.purge(queue: queue) }

    /// Deletes a queue with its messages; one that does not exist is no error.
    public func delete(queue: String) async throws(BrokerError) { try await self.connection.delete(queue: queue) }

    /// Deletes an exchange with its bindings; one that does not exist is no error.
    public func delete(exchange: String) async throws(BrokerError) {
        try await self.connection.delete(exchange: exchange)
    }
}
