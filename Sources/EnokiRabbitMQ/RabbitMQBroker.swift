public import EnokiBroker
public import Logging

/// RabbitMQ as a broker, through librabbitmq.
///
///     let broker = RabbitMQBroker(configuration: try RabbitMQConfiguration(uri: "amqp://localhost"), logger: logger)
///     async let served: Void = broker.run()
///     try await broker.declare(topology)
///     try await broker.publish(Message("hello"), to: "greetings", routingKey: "hello")
///
/// It keeps two connections, because RabbitMQ stops reading from one that publishes when its memory or its disk runs
/// low, and acknowledgements must go on: one for publishing, one for consuming and for the topology. Each has a thread
/// of its own, which connects again when the connection is lost, declares what was declared, and consumes what was
/// consumed. What was published and not confirmed is sent again, once, with the same message id.
public final class RabbitMQBroker: Broker {
    private let configuration: RabbitMQConfiguration
    private let board = BrokerStatusBoard(.connecting(attempt: 1, reason: nil))
    private let links: LinkStatus
    private let publisher: Publisher
    let consumers: ConsumerHost
    private let timers = TimerQueue(clock: ContinuousClock())
    private let watchInterval: Duration
    private let hasRun = Locked(false)

    /// A broker that connects when it is run.
    ///
    /// - Parameters:
    ///   - configuration: Where RabbitMQ is and how to use it.
    ///   - credentials: Who logs in, asked before each attempt: so a password that is changed while the process runs is
    ///     found. `nil`, or `nil` as its answer, is user and password of the configuration. It is called on threads of the
    ///     broker's own and may read a file; the virtual host and the address stay as they are.
    ///   - logger: Logs of connections and of what goes wrong.
    public convenience init(
        configuration: RabbitMQConfiguration,
        credentials: (@Sendable () -> Credentials?)? = nil,
        logger: Logger
    ) {
        self.init(configuration: configuration, credentials: credentials, logger: logger, watchInterval: .seconds(5))
    }

    /// - Parameters:
    ///   - watchInterval: How often it looks whether all consumers are served.
    ///   - lookUp: Finds the addresses of hosts.
    init(
        configuration: RabbitMQConfiguration,
        credentials: (@Sendable () -> Credentials?)? = nil,
        logger: Logger,
        watchInterval: Duration,
        lookUp: @escaping Resolver.LookUp = Resolver.askSystem
    ) {
        self.configuration = configuration
        self.watchInterval = watchInterval
        let links = LinkStatus(self.board)
        let exposed = Locked<Set<RabbitMQConfiguration.Endpoint>>([])
        func connection(_ name: String, report: @escaping @Sendable (BrokerStatus) -> Void) -> Connection {
            Connection(
                name,
                configuration,
                credentials,
                lookUp: lookUp,
                exposed: exposed,
                logger: logger,
                report: report
            )
        }
        let publishing = connection("publishing") { links.publishing(.down($0)) }
        let consuming = connection("consuming") { links.consuming(.down($0)) }
        let publisher = Publisher(publishing, timers: self.timers) { links.publishing($0) }
        let consumers = ConsumerHost(consuming, watchInterval: watchInterval) {
            links.consuming($0)
        } holdPublishers: { reason in
            // Whoever published now might find neither exchange nor queue.
            if let reason { publisher.holdForTopology(reason) } else { publisher.releaseTopology() }
        }
        publisher.attach(consumers)
        self.consumers = consumers
        self.publisher = publisher
        self.links = links
    }

    /// Scheme, hosts and virtual host, without user and password.
    public var address: String {
        let scheme = self.configuration.tls == nil ? "amqp" : "amqps"
        let endpoints = self.configuration.endpoints.map(\.description).joined(separator: ",")
        return "\(scheme)://\(endpoints)/\(self.configuration.vhost == "/" ? "" : self.configuration.vhost)"
    }

    /// Connected when both connections are, every consumer that is wanted is served, and all that was declared is there.
    public var status: BrokerStatus { self.board.status }

    /// The present status, then every change.
    public func statusUpdates() -> AsyncStream<BrokerStatus> { self.board.updates() }

    /// Connects and serves until the task is cancelled, then ends in order: confirms that are under way are awaited, the
    /// acknowledgements given so far are sent, the connections are closed; all within about two seconds.
    ///
    /// A broker that is absent is waited for, and one that refuses the login is asked again slowly, with errors in the
    /// log; with ``RabbitMQConfiguration/failFast`` both are thrown. It can be run once.
    public func run() async throws {
        let isFirst = self.hasRun.withLock { hasRun in
            defer { hasRun = true }
            return !hasRun
        }
        guard isFirst else {
            throw BrokerError(.closed, "this broker has been run before; make another one to connect again")
        }
        defer {
            self.close()
            self.timers.cancelAll()
            self.consumers.letGo()
            self.board.update(.closed)
        }
        self.watch()
        try await withTaskCancellationHandler {
            try await withThrowingTaskGroup { group in
                group.addTask { await self.timers.run() }
                group.addTask { try await self.serve() }
                // Timers end when they are cancelled, so the first to end is the other.
                defer { group.cancelAll() }
                try await group.next()
            }
        } onCancel: {
            self.close()
        }
    }

    /// Looks at intervals whether all consumers are served.
    private func watch() {
        self.timers.schedule(after: self.watchInterval) { [weak self] in
            self?.consumers.look()
            self?.watch()
        }
    }

    /// Serves with both connections until they are closed, or one has failed for good.
    private func serve() async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await self.publisher.connection.run(for: self.publisher) }
            group.addTask { try await self.consumers.connection.run(for: self.consumers) }
            var failure: (any Error)?
            while let result = await group.nextResult() {
                guard case .failure(let error) = result else { continue }
                failure = failure ?? error
                self.close()
            }
            if let failure { throw failure }
        }
    }

    private func close() {
        self.publisher.end()
        self.consumers.end()
        self.publisher.connection.close()
        self.consumers.connection.close()
    }

    /// Declares `topology`, all at once. A part that fails does not keep the others from being declared.
    ///
    /// - Throws: `BrokerError`; of several the first.
    public func declare(_ topology: Topology) async throws(BrokerError) {
        _ = try await self.consumers.call(RecordedTopology.methods(topology))
    }

    /// Declares `topology`, all at once, and uses what exists with other arguments as it is; see `Broker.declareOrUse(_:)`.
    ///
    /// - Returns: What exists with other arguments; of several arguments RabbitMQ names the first.
    /// - Throws: `BrokerError`; of several the first.
    public func declareOrUse(_ topology: Topology) async throws(BrokerError) -> [InequivalentArgument] {
        try await self.consumers.call(RecordedTopology.methods(topology), usesExisting: true).compactMap {
            if case .exists(let difference) = $0 { difference } else { nil }
        }
    }

    /// Publishes with a publisher confirm.
    ///
    /// A message to an exchange that does not exist makes RabbitMQ close the channel: it fails with
    /// `BrokerError.Code.notFound`, and the others that are not confirmed yet are sent again on another channel, as after a
    /// lost connection. Of several to that exchange at once nobody knows whether it was there for the first of them: they are
    /// sent again, too, and one that meets the same error again fails with `BrokerError.Code.outcomeUnknown`.
    @discardableResult
    public func publish(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) -> PublishTicket {
        self.publisher.publish(message, to: exchange, routingKey: routingKey, options: options, completion: completion)
    }

    /// Consumes on a channel of its own.
    public func consume(
        _ queue: String,
        options: ConsumerOptions,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer {
        try await self.consumers.consume(queue, options: options, onQueueLost: nil, onDelivery: onDelivery)
    }

    /// Consumes on a channel of its own; before the queue is declared again it is asked for (`queue.declare`, passive).
    public func consume(
        _ queue: String,
        options: ConsumerOptions,
        onQueueLost: @escaping @Sendable () -> Void,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer {
        try await self.consumers.consume(queue, options: options, onQueueLost: onQueueLost, onDelivery: onDelivery)
    }

    /// Asks for the state of a queue.
    public func inspect(queue: String) async throws(BrokerError) -> QueueStatus {
        guard case .queue(let messages, let consumers) = try await self.consumers.call([.queueInspect(queue)]).first
        else { throw BrokerError(.protocolViolation, "the broker gave no state of queue '\(queue)'") }
        return QueueStatus(name: queue, messageCount: messages, consumerCount: consumers)
    }

    /// Removes a binding, and forgets it.
    public func unbind(_ binding: Binding) async throws(BrokerError) {
        _ = try await self.consumers.call([.unbind(binding)])
    }

    /// Removes the ready messages of a queue.
    @discardableResult
    public func purge(queue: String) async throws(BrokerError) -> Int {
        guard case .count(let count) = try await self.consumers.call([.queuePurge(queue)]).first else { return 0 }
        return count
    }

    /// Deletes a queue, and forgets it with its bindings.
    public func delete(queue: String) async throws(BrokerError) {
        _ = try await self.consumers.call([.queueDelete(queue)])
    }

    /// Deletes an exchange, and forgets it with its bindings.
    public func delete(exchange: String) async throws(BrokerError) {
        _ = try await self.consumers.call([.exchangeDelete(exchange)])
    }
}
