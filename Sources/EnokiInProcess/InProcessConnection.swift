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
    private let id: ConnectionID
    private let board = BrokerStatusBoard(.connected)
    private let closing = Signal()

    init(name: String, to server: BrokerServer) {
        self.name = name
        self.server = server
        self.id = server.connect(self.board)
        if !server.isOpen(self.id) { self.board.update(.closed) }
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
        await self.server.close(self.id)
        self.closing.signal()
    }

    /// Declares `topology`; see `Broker.declare(_:)`.
    public func declare(_ topology: Topology) async throws(BrokerError) {
        try self.server.perform(by: self.id) { (host: inout VirtualHost) throws(BrokerError) in
            for exchange in topology.exchanges { try host.declare(exchange) }
            for queue in topology.queues { try host.declare(queue, by: self.id) }
            for binding in topology.bindings { try host.bind(binding, by: self.id) }
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
        let result = Result { () throws(BrokerError) in
            var message = message
            options.apply(to: &message)
            try WireLimits.check(message, to: exchange, routingKey: routingKey)
            // As it would arrive.
            message.properties.expiration = (message.properties.expiration?.wholeMilliseconds).map { .milliseconds($0) }
            let published = PublishedMessage(message, exchange: exchange, routingKey: routingKey)
            try self.server.perform(by: self.id) { (host: inout VirtualHost) throws(BrokerError) in
                try host.publish(published, mandatory: options.mandatory)
            }
        }
        self.server.confirms.call { completion(result) }
    }

    /// Consumes `queue`; see `Broker.consume(_:options:onDelivery:)`.
    ///
    /// When the queue is deleted, the consumer is not active until there is a queue of that name again.
    public func consume(
        _ queue: String,
        options: ConsumerOptions,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer {
        let id = try self.server.consume(queue, options: options, by: self.id, handler: onDelivery)
        return InProcessConsumer(id, of: self.server)
    }

    /// Asks for the state of a queue; an unused queue that expires lives on from here.
    public func inspect(queue: String) async throws(BrokerError) -> QueueStatus {
        try self.server.perform(by: self.id) { (host: inout VirtualHost) throws(BrokerError) in
            try host.inspect(queue: queue, by: self.id)
        }
    }

    /// Removes a binding; one that does not exist is no error.
    public func unbind(_ binding: Binding) async throws(BrokerError) {
        try self.server.perform(by: self.id) { (host: inout VirtualHost) throws(BrokerError) in
            try host.unbind(binding, by: self.id)
        }
    }

    /// Removes the ready messages of a queue and returns how many there were.
    @discardableResult
    public func purge(queue: String) async throws(BrokerError) -> Int {
        try self.server.perform(by: self.id) { (host: inout VirtualHost) throws(BrokerError) in
            try host.purge(queue: queue, by: self.id)
        }
    }

    /// Deletes a queue with its messages; one that does not exist is no error.
    public func delete(queue: String) async throws(BrokerError) {
        try self.server.perform(by: self.id) { (host: inout VirtualHost) throws(BrokerError) in
            try host.delete(queue: queue, by: self.id)
        }
    }

    /// Deletes an exchange with its bindings; one that does not exist is no error.
    public func delete(exchange: String) async throws(BrokerError) {
        try self.server.perform(by: self.id) { (host: inout VirtualHost) throws(BrokerError) in
            try host.delete(exchange: exchange)
        }
    }
}
