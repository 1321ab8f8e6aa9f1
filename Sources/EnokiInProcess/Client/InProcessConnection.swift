import DequeModule
public import EnokiBroker

/// One connection to an ``InProcessBroker``.
///
/// Connections share exchanges and queues. Each has its own exclusive queues, and when it closes what its consumers have
/// not settled goes back: what a process of its own would be to RabbitMQ, a connection is to the in-process broker.
///
/// It can be used at once. Deliveries come while the broker runs, see ``InProcessBroker/run()``. When the broker drops it,
/// such as by ``InProcessBroker/dropConnections(because:)``, it connects again as soon as the broker lets it: it declares
/// what was declared by it and consumes what it consumed. Meanwhile calls wait, publishes until their timeout.
public final class InProcessConnection: Broker {
    /// The name, for logs.
    public let name: String
    /// Where the broker is: the connection's name, marked as in-process.
    public var address: String { "in-process:\(self.name)" }

    private enum Phase {
        case connecting
        case connected(Session)
        case closed(BrokerError)
    }

    private struct State {
        var phase = Phase.connecting
        /// Why the broker takes no messages, where it takes none.
        var blockReason: String?
        var waiting = Deque<SessionRequest>()
        var lastRequest: UInt64 = 0
        /// What was declared, to be declared again.
        var topology = RecordedTopology()
        var consumers: [ObjectIdentifier: InProcessConsumer] = [:]
    }

    private let server: BrokerServer
    private let state = Locked(State())
    private let board = BrokerStatusBoard(.connecting(attempt: 1, reason: nil))
    private let closing = Signal()
    private let registration: BrokerServer.ClientID

    init(name: String, to server: BrokerServer) {
        self.name = name
        self.server = server
        self.registration = server.makeClientID()
        server.register(
            self.registration,
            onClose: { [weak self] in self?.end(.brokerClosed) },
            onBlock: { [weak self] in self?.noteBlock($0) }
        )
        self.connect()
    }

    /// Whether the broker can be used now.
    public var status: BrokerStatus { self.board.status }

    /// The present status, then every change.
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
        let session = self.session
        self.end(.connectionClosed)
        await session?.connection.close()
    }

    // MARK: - Topology

    /// Declares `topology`; see `Broker.declare(_:)`.
    public func declare(_ topology: Topology) async throws(BrokerError) {
        for exchange in topology.exchanges {
            try WireLimits.check(exchange)
            guard ExchangeRecord.knows(exchange.kind) else { throw .unknownExchangeType(exchange) }
        }
        for queue in topology.queues { try WireLimits.check(queue) }
        for binding in topology.bindings { try WireLimits.check(binding) }
        try await self.withChannel { (channel) throws(AMQPException) in try channel.declare(topology) }
        self.state.withLock { $0.topology.record(topology) }
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
    public func publish(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        var message = message
        options.apply(to: &message)
        do throws(BrokerError) {
            try WireLimits.check(message, to: exchange, routingKey: routingKey)
        } catch {
            return self.server.confirms.call { completion(.failure(error)) }
        }
        // As it would arrive.
        message.properties.expiration = (message.properties.expiration?.wholeMilliseconds).map { .milliseconds($0) }
        let publish = Publish(
            message: message,
            exchange: exchange,
            routingKey: routingKey,
            mandatory: options.mandatory,
            timeout: options.timeout,
            completion: completion
        )
        self.send(publish)
    }

    private func send(_ publish: Publish) {
        self.withSession(toPublish: true, timeout: publish.timeout) { [self] session in
            do throws(BrokerError) {
                try self.send(publish, on: session.get())
            } catch {
                self.server.confirms.call { publish.completion(.failure(error)) }
            }
        }
    }

    private func send(_ publish: Publish, on session: Session) throws(BrokerError) {
        do throws(AMQPException) {
            try self.server.publish(publish, on: session.publishing.id)
        } catch {
            if session.connection.isOpen { throw BrokerError(error) }
            // The connection went away before the broker saw the message: the next one takes it.
            self.lose(session.connection, because: error)
            self.send(publish)
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
        let consumer = InProcessConsumer(queue, options: options, on: self, server: self.server, onDelivery: onDelivery)
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

    // MARK: - Connecting

    /// Connects, now or when the broker is there again, and brings back what the last connection had.
    private func connect() {
        do throws(AMQPException) {
            let session = try Session(to: self.server, name: self.name) { [weak self] connection, reason in
                self?.lose(connection, because: reason)
            }
            let (topology, consumers) = self.state.withLock { state in
                (state.topology.topology, state.consumers.values.sorted { $0.number < $1.number })
            }
            // What cannot be as it was, such as a queue that another has declared otherwise, leaves the rest as it was.
            for part in topology.parts {
                try? self.server.withChannel(of: session.connection) { (channel) throws(AMQPException) in
                    try channel.declare(part)
                }
            }
            for consumer in consumers { consumer.startAgain(on: session.connection) }
            self.finishConnecting(session)
        } catch {
            self.server.whenUp { [weak self] in self?.connect() }
        }
    }

    /// Answers those who wait, in their order, before others come through.
    private func finishConnecting(_ session: Session) {
        while true {
            let (request, isClosed) = self.state.withLock { state -> (SessionRequest?, Bool) in
                guard case .connecting = state.phase else { return (nil, true) }
                let isBlocked = state.blockReason != nil
                if let index = state.waiting.firstIndex(where: { !isBlocked || !$0.isPublish }) {
                    return (state.waiting.remove(at: index), false)
                }
                state.phase = .connected(session)
                self.board.update(state.blockReason.map { .blocked(reason: $0) } ?? .connected)
                return (nil, false)
            }
            if let request {
                self.answer(request, .success(session))
            } else if isClosed {
                return session.connection.abandon()
            } else {
                // It may have gone while it was not yet known here.
                if !session.connection.isOpen { self.lose(session.connection, because: .connectionClosed) }
                return
            }
        }
    }

    /// The broker has closed the connection.
    private func lose(_ connection: ServerConnection, because reason: AMQPException) {
        let isLost = self.state.withLock { state in
            guard case .connected(let session) = state.phase, session.connection === connection else { return false }
            state.phase = .connecting
            self.board.update(.connecting(attempt: 1, reason: reason.text))
            return true
        }
        if isLost { self.connect() }
    }

    private func noteBlock(_ reason: String?) {
        let requests = self.state.withLock { state -> (Session, [SessionRequest])? in
            state.blockReason = reason
            guard case .connected(let session) = state.phase else { return nil }
            self.board.update(reason.map { .blocked(reason: $0) } ?? .connected)
            guard reason == nil else { return nil }
            defer { state.waiting = [] }
            return (session, Array(state.waiting))
        }
        guard let (session, waiting) = requests else { return }
        for request in waiting { self.answer(request, .success(session)) }
    }

    private func end(_ error: BrokerError) {
        let waiting = self.state.withLock { state -> Deque<SessionRequest> in
            if case .closed = state.phase { return [] }
            state.phase = .closed(error)
            state.consumers = [:]
            defer { state.waiting = [] }
            return state.waiting
        }
        for request in waiting { self.answer(request, .failure(error)) }
        self.server.unregister(self.registration)
        self.board.update(.closed)
        self.closing.signal()
    }

    // MARK: - Waiting for a connection

    /// Calls `action` with the session, now or when there is one; messages also wait while the broker takes none.
    private func withSession(
        toPublish: Bool,
        timeout: Duration,
        _ action: @escaping @Sendable (Result<Session, BrokerError>) -> Void
    ) {
        let answer = self.state.withLock { state -> Result<Session, BrokerError>? in
            switch state.phase {
            case .closed(let error): return .failure(error)
            case .connected(let session) where !toPublish || state.blockReason == nil: return .success(session)
            case .connected, .connecting: break
            }
            state.lastRequest += 1
            let id = state.lastRequest
            let timer = self.server.timers.schedule(after: timeout) { [weak self] in self?.giveUp(id, after: timeout) }
            state.waiting.append(SessionRequest(id: id, isPublish: toPublish, timer: timer, action: action))
            return nil
        }
        if let answer { action(answer) }
    }

    private func answer(_ request: SessionRequest, _ result: Result<Session, BrokerError>) {
        self.server.timers.cancel(request.timer)
        request.action(result)
    }

    private func giveUp(_ id: UInt64, after timeout: Duration) {
        let request = self.state.withLock { state in
            state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
        }
        guard let request else { return }
        request.action(.failure(request.isPublish ? .notSent(self.status, after: timeout) : .noAnswer(self.status)))
    }

    private func nextSession() async throws(BrokerError) -> Session {
        let result = await withCheckedContinuation { continuation in
            self.withSession(toPublish: false, timeout: PublishOptions().timeout) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }
}
