import DequeModule
public import EnokiBroker

/// One connection to an ``InProcessBroker``.
///
/// Connections share exchanges and queues. Each has its own exclusive queues, and when it closes what its consumers have
/// not settled goes back: what a process of its own would be to RabbitMQ, a connection is to the in-process broker.
///
/// It can be used at once. Deliveries come while the broker runs, see ``InProcessBroker/run()``. When the broker drops it,
/// such as by ``InProcessBroker/dropConnections(because:)``, it connects again as soon as the broker lets it: it declares
/// what was declared by it and consumes what it consumed. Meanwhile calls wait, publishes until their timeout. What was published
/// and not confirmed is sent again, once.
public final class InProcessConnection: Broker {
    /// The name, for logs.
    public let name: String
    /// Where the broker is: the connection's name, marked as in-process.
    public var address: String { "in-process:\(self.name)" }

    enum Phase {
        case connecting
        case connected(Session)
        case closed(BrokerError)
    }

    struct State {
        var phase = Phase.connecting
        /// Why the broker takes no messages, where it takes none.
        var blockReason: String?
        var waiting = Deque<SessionRequest>()
        /// What was sent, and on which connection.
        var unconfirmed: [UInt64: (publish: UnconfirmedPublish, connection: ConnectionID?)] = [:]
        /// What was declared, to be declared again.
        var topology = RecordedTopology()
        var consumers: [ObjectIdentifier: InProcessConsumer] = [:]
    }

    let server: BrokerServer
    /// The longest body that it publishes or takes, in bytes.
    let maxBodySize: Int
    let state = Locked(State())
    let board = BrokerStatusBoard(.connecting(attempt: 1, reason: nil))
    let isEnded = Latch()
    let registration: BrokerServer.ClientID

    init(name: String, to server: BrokerServer, maxBodySize: Int) {
        self.name = name
        self.maxBodySize = maxBodySize
        self.server = server
        self.registration = server.makeClientID()
        server.register(
            self.registration,
            onClose: { [weak self] in self?.end(.brokerClosed) },
            onBlock: { [weak self] in self?.noteBlock() }
        )
        self.connect()
    }

    deinit {
        // Nobody is left who could close it: it goes as one does whose process has ended.
        self.server.unregister(self.registration)
        if case .connected(let session) = self.state.withLock({ $0.phase }) { session.connection.abandon() }
    }

    /// Whether the broker can be used now.
    public var status: BrokerStatus { self.board.status }

    /// The present status, then every change.
    public func statusUpdates() -> AsyncStream<BrokerStatus> { self.board.updates() }

    /// Keeps the connection until the task is cancelled or the connection is closed; returning, it is closed.
    public func run() async {
        await self.isEnded.wait()
        await self.close()
    }

    /// Closes the connection, and returns when none of its consumers is being called.
    ///
    /// What its consumers have not settled goes back to its queues in order, marked as redelivered; its exclusive queues are
    /// deleted.
    public func close() async {
        let session = self.session
        self.end(.connectionClosed)
        await session?.connection.close()
    }

    // MARK: - Topology

    /// Declares `topology`; see `Broker.declare(_:)`.
    public func declare(_ topology: Topology) async throws(BrokerError) {
        try Self.check(topology)
        try await self.withChannel { (channel) throws(AMQPException) in try channel.declare(topology) }
        self.state.withLock { $0.topology.record(topology) }
    }

    /// Declares `topology`, and uses what exists with other arguments as it is; see `Broker.declareOrUse(_:)`.
    public func declareOrUse(_ topology: Topology) async throws(BrokerError) -> [InequivalentArgument] {
        try Self.check(topology)
        var differences: [InequivalentArgument] = []
        for part in topology.parts {
            do throws(BrokerError) {
                try await self.withChannel { (channel) throws(AMQPException) in try channel.declare(part) }
            } catch {
                guard let difference = error.inequivalentArgument, difference.isUsable else { throw error }
                differences.append(difference)
            }
            self.state.withLock { $0.topology.record(part) }
        }
        return differences
    }

    private static func check(_ topology: Topology) throws(BrokerError) {
        for exchange in topology.exchanges {
            try WireLimits.check(exchange)
            guard ExchangeRecord.knows(exchange.kind) else { throw .unknownExchangeType(exchange) }
        }
        for queue in topology.queues { try WireLimits.check(queue) }
        for binding in topology.bindings { try WireLimits.check(binding) }
    }

    /// Asks for the state of a queue; an unused queue that expires lives on from here.
    public func inspect(queue: String) async throws(BrokerError) -> QueueStatus {
        try WireLimits.check(queue: queue)
        return try await self.withChannel { (channel) throws(AMQPException) in
            try channel.declarePassively(queue: queue)
        }
    }

    /// Removes a binding; one that does not exist is no error.
    public func unbind(_ binding: Binding) async throws(BrokerError) {
        try WireLimits.check(binding)
        try await self.withChannel { (channel) throws(AMQPException) in try channel.unbind(binding) }
        self.state.withLock { $0.topology.remove(binding) }
    }

    /// Removes the ready messages of a queue and returns how many there were.
    @discardableResult
    public func purge(queue: String) async throws(BrokerError) -> Int {
        try WireLimits.check(queue: queue)
        return try await self.withChannel { (channel) throws(AMQPException) in try channel.purge(queue: queue) }
    }

    /// Deletes a queue with its messages; one that does not exist is no error.
    public func delete(queue: String) async throws(BrokerError) {
        try WireLimits.check(queue: queue)
        try await self.withChannel { (channel) throws(AMQPException) in _ = try channel.delete(queue: queue) }
        self.state.withLock { $0.topology.remove(queue: queue) }
    }

    /// Deletes an exchange with its bindings; one that does not exist is no error.
    public func delete(exchange: String) async throws(BrokerError) {
        try WireLimits.check(exchange: exchange)
        try await self.withChannel { (channel) throws(AMQPException) in try channel.delete(exchange: exchange) }
        self.state.withLock { $0.topology.remove(exchange: exchange) }
    }

    /// Does something on a channel of its own, which an error costs nobody.
    private func withChannel<Output>(
        _ body: (ServerChannel) throws(AMQPException) -> Output
    ) async throws(BrokerError) -> Output {
        while true {
            let session = try await self.nextSession()
            do throws(AMQPException) {
                return try self.server.withChannel(of: session.connection, body)
            } catch {
                // A connection that went away in between is no answer.
                if session.connection.isOpen { throw BrokerError(error) }
                self.lose(session.connection, because: error)
            }
        }
    }

    // MARK: - Messages

    /// Publishes `message`; see `Broker.publish(_:to:routingKey:options:completion:)`.
    @discardableResult
    public func publish(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) -> PublishTicket {
        var message = message
        options.apply(to: &message)
        do throws(BrokerError) {
            try WireLimits.check(message, to: exchange, routingKey: routingKey, bodySize: self.maxBodySize)
        } catch {
            self.server.calls.call { completion(.failure(error)) }
            return PublishTicket()
        }
        // As it would arrive.
        message.properties.expiration = (message.properties.expiration?.wholeMilliseconds).map { .milliseconds($0) }
        self.server.messageIDs.assign(to: &message)
        let publish = Publish(
            message: message,
            exchange: exchange,
            routingKey: routingKey,
            mandatory: options.mandatory,
            timeout: options.timeout,
            deadline: self.server.timers.now + options.timeout
        )
        let id = self.server.nextRequestNumber()
        self.publish(UnconfirmedPublish(id: id, publish: publish, completion: completion))
        return PublishTicket { [weak self] in self?.giveUp(publish: id) }
    }

    /// Consumes `queue`; see `Broker.consume(_:options:onDelivery:)`.
    ///
    /// When the queue is deleted, the consumer is not active until there is a queue of that name again.
    public func consume(
        _ queue: String,
        options: ConsumerOptions,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer {
        try await self.consume(queue, options: options, onQueueLost: {}, onDelivery: onDelivery)
    }

    /// Consumes `queue`; see `Broker.consume(_:options:onQueueLost:onDelivery:)`.
    public func consume(
        _ queue: String,
        options: ConsumerOptions,
        onQueueLost: @escaping @Sendable () -> Void,
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
        let consumer = InProcessConsumer(
            queue,
            options: options,
            on: self,
            server: self.server,
            onQueueLost: onQueueLost,
            onDelivery: onDelivery
        )
        while true {
            let session = try await self.nextSession()
            self.state.withLock { $0.consumers[ObjectIdentifier(consumer)] = consumer }
            do throws(AMQPException) {
                try consumer.start(on: session.connection)
                return consumer
            } catch {
                self.forget(consumer)
                if session.connection.isOpen { throw BrokerError(error) }
                self.lose(session.connection, because: error)
            }
        }
    }

    /// A consumer has ended.
    func forget(_ consumer: InProcessConsumer) {
        self.state.withLock { _ = $0.consumers.removeValue(forKey: ObjectIdentifier(consumer)) }
    }

    /// The connection as it is now; `nil` while there is none.
    var session: Session? {
        self.state.withLock { state in if case .connected(let session) = state.phase { session } else { nil } }
    }
}
