public import EnokiBroker

/// One connection to an ``InProcessBroker``.
///
/// Connections share exchanges and queues. Each has its own exclusive queues, and when it closes what its consumers have
/// not settled goes back: what a process of its own would be to RabbitMQ, a connection is to the in-process broker.
///
/// It can be used at once. Deliveries come while the broker runs, see ``InProcessBroker/run()``.
public final class InProcessConnection: Broker {
    /// The name, for logs.
    public let name: String
    /// Where the broker is: the connection's name, marked as in-process.
    public var address: String { "in-process:\(self.name)" }

    private let server: BrokerServer
    private let connection: ServerConnection
    /// Where all is published; it confirms.
    private let publishing: ChannelID?
    private let board = BrokerStatusBoard(.connected)
    private let closing = Signal()

    init(name: String, to server: BrokerServer) {
        self.name = name
        self.server = server
        self.connection = ServerConnection(to: server, user: "guest", status: self.board)
        let channel = try? self.connection.openChannel()
        try? channel?.selectConfirms()
        self.publishing = channel?.id
        if channel == nil { self.board.update(.closed) }
    }

    /// Connected, until the connection or the broker is closed.
    public var status: BrokerStatus { self.board.status }

    /// The present status, then its one change.
    public func statusUpdates() -> AsyncStream<BrokerStatus> { self.board.updates() }

    /// Keeps the connection until the task is cancelled or the connection is closed; returning, it is closed.
    public func run() async {
        while !Task.isCancelled, self.status != .closed { await self.closing.wait() }
        await self.close()
    }

    /// Closes the connection, and returns when none of its consumers is being called.
    ///
    /// What its consumers have not settled goes back to its queues in order, marked as redelivered; its exclusive queues are
    /// deleted.
    public func close() async {
        await self.connection.close()
        self.closing.signal()
    }

    /// Declares `topology`; see `Broker.declare(_:)`.
    public func declare(_ topology: Topology) async throws(BrokerError) {
        for exchange in topology.exchanges {
            try WireLimits.check(exchange)
            guard ExchangeRecord.knows(exchange.kind) else {
                throw BrokerError(
                    .invalidArgument,
                    "COMMAND_INVALID - unknown exchange type '\(exchange.kind)' of exchange '\(exchange.name)'. "
                        + "Use direct, topic, fanout or headers."
                )
            }
        }
        for queue in topology.queues { try WireLimits.check(queue) }
        for binding in topology.bindings { try WireLimits.check(binding) }
        try self.withChannel { (channel) throws(AMQPException) in
            // The default exchange needs no declaration.
            for exchange in topology.exchanges where !exchange.name.isEmpty { try channel.declare(exchange) }
            for queue in topology.queues { _ = try channel.declare(queue) }
            for binding in topology.bindings { try channel.bind(binding) }
        }
    }

    /// Publishes `message`, which is in its queues when this returns.
    ///
    /// See `Broker.publish(_:to:routingKey:options:completion:)`.
    public func publish(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        do throws(BrokerError) {
            var message = message
            options.apply(to: &message)
            try WireLimits.check(message, to: exchange, routingKey: routingKey)
            // As it would arrive.
            message.properties.expiration = (message.properties.expiration?.wholeMilliseconds).map { .milliseconds($0) }
            guard let channel = self.publishing else { throw .brokerClosed }
            do throws(AMQPException) {
                try self.server.publish(
                    message,
                    exchange: exchange,
                    routingKey: routingKey,
                    mandatory: options.mandatory,
                    on: channel,
                    completion: completion
                )
            } catch {
                throw self.error(error)
            }
        } catch {
            self.server.confirms.call { completion(.failure(error)) }
        }
    }

    /// Consumes `queue`; see `Broker.consume(_:options:onDelivery:)`.
    ///
    /// When the queue is deleted, the consumer is not active until there is a queue of that name again.
    public func consume(
        _ queue: String,
        options: ConsumerOptions,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer {
        try WireLimits.check(queue: queue)
        guard (1...Int(UInt16.max)).contains(options.prefetch) else {
            throw BrokerError(
                .invalidArgument,
                "The prefetch of a consumer is from 1 to \(UInt16.max); queue '\(queue)' was to be consumed with "
                    + "\(options.prefetch)."
            )
        }
        let consumer = InProcessConsumer(queue, options: options, on: self.connection, onDelivery: onDelivery)
        do throws(AMQPException) {
            try consumer.start()
            return consumer
        } catch {
            throw self.error(error)
        }
    }

    /// Asks for the state of a queue; an unused queue that expires lives on from here.
    public func inspect(queue: String) async throws(BrokerError) -> QueueStatus {
        try WireLimits.check(queue: queue)
        return try self.withChannel { (channel) throws(AMQPException) in try channel.declarePassively(queue: queue) }
    }

    /// Removes a binding; one that does not exist is no error.
    public func unbind(_ binding: Binding) async throws(BrokerError) {
        try WireLimits.check(binding)
        do throws(BrokerError) {
            try self.withChannel { (channel) throws(AMQPException) in try channel.unbind(binding) }
        } catch  where error.code == .notFound {}
    }

    /// Removes the ready messages of a queue and returns how many there were.
    @discardableResult
    public func purge(queue: String) async throws(BrokerError) -> Int {
        try WireLimits.check(queue: queue)
        return try self.withChannel { (channel) throws(AMQPException) in try channel.purge(queue: queue) }
    }

    /// Deletes a queue with its messages; one that does not exist is no error.
    public func delete(queue: String) async throws(BrokerError) {
        try WireLimits.check(queue: queue)
        try self.withChannel { (channel) throws(AMQPException) in _ = try channel.delete(queue: queue) }
    }

    /// Deletes an exchange with its bindings; one that does not exist is no error.
    public func delete(exchange: String) async throws(BrokerError) {
        try WireLimits.check(exchange: exchange)
        try self.withChannel { (channel) throws(AMQPException) in try channel.delete(exchange: exchange) }
    }

    /// Does something on a channel of its own, which an error costs nobody.
    private func withChannel<Output>(
        _ body: (ServerChannel) throws(AMQPException) -> Output
    ) throws(BrokerError) -> Output {
        do throws(AMQPException) {
            return try self.server.withChannel(of: self.connection, body)
        } catch {
            throw self.error(error)
        }
    }

    private func error(_ exception: AMQPException) -> BrokerError {
        guard !self.connection.isOpen else { return BrokerError(exception) }
        return self.server.isClosed ? .brokerClosed : .connectionClosed
    }
}
