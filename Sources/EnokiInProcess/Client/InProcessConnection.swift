import DequeModule
public import EnokiBroker
import Logging

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
    private let isEnded = Latch()
    private let registration: BrokerServer.ClientID

    init(name: String, to server: BrokerServer) {
        self.name = name
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
            return self.server.calls.call { completion(.failure(error)) }
        }
        // As it would arrive.
        message.properties.expiration = (message.properties.expiration?.wholeMilliseconds).map { .milliseconds($0) }
        let publish = Publish(
            message: message,
            exchange: exchange,
            routingKey: routingKey,
            mandatory: options.mandatory,
            timeout: options.timeout,
            deadline: self.server.timers.now + options.timeout,
            completion: completion
        )
        self.send(publish, isAgain: false)
    }

    /// - Parameter isAgain: Whether it was its turn before: then it is next.
    private func send(_ publish: Publish, isAgain: Bool) {
        let request = SessionRequest(
            id: self.server.nextRequestNumber(),
            isPublish: true,
            timeout: publish.timeout,
            deadline: publish.deadline
        ) { [self] session in
            do throws(BrokerError) {
                try self.send(publish, on: session.get())
            } catch {
                self.server.calls.call { publish.completion(.failure(error)) }
            }
        }
        self.answerOrKeep(request, isFirst: isAgain)
    }

    private func send(_ publish: Publish, on session: Session) throws(BrokerError) {
        do throws(AMQPException) {
            try self.server.publish(publish, on: session.publishing.id)
        } catch {
            if session.connection.isOpen { throw BrokerError(error) }
            // The connection went away before the broker saw the message: the next one takes it.
            self.lose(session.connection, because: error)
            self.send(publish, isAgain: true)
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
        while !self.tryToConnect() {}
    }

    /// - Returns: Whether that is all for now: it is connected or closed, or the broker is down and will say when it is not.
    private func tryToConnect() -> Bool {
        do throws(AMQPException) {
            let session = try Session(to: self.server, name: self.name) { [weak self] connection, reason in
                self?.lose(connection, because: reason)
            }
            self.restoreTopology(on: session)
            for consumer in self.consumers { consumer.startAgain(on: session.connection) }
            return self.finishConnecting(session)
        } catch {
            // Where it is up already it was lost while it was made, and is made again.
            return !self.server.whenUp { [weak self] in self?.connect() }
        }
    }

    private var consumers: [InProcessConsumer] {
        self.state.withLock { $0.consumers.values.sorted { $0.number < $1.number } }
    }

    /// Declares what was declared. What cannot be as it was, such as a queue that another has declared otherwise, leaves the
    /// rest as it was.
    private func restoreTopology(on session: Session) {
        for part in self.state.withLock({ $0.topology.topology }).parts {
            do throws(AMQPException) {
                try self.server.withChannel(of: session.connection) { (channel) throws(AMQPException) in
                    try channel.declare(part)
                }
            } catch {
                self.server.logger.warning(
                    "In-process connection could not declare again what it had declared",
                    metadata: ["connection": "\(self.name)", "error": "\(error)"]
                )
            }
        }
    }

    /// Declares what was declared, such as a queue that somebody has deleted.
    func restoreTopology() {
        if let session = self.session { self.restoreTopology(on: session) }
    }

    /// Answers those who wait, in their order, before others come through.
    ///
    /// - Returns: Whether the connection lived to the end of it, or is not wanted any more.
    private func finishConnecting(_ session: Session) -> Bool {
        while true {
            guard session.connection.isOpen else { return false }
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
                session.connection.abandon()
                return true
            } else {
                // Those that wanted to begin again while there was no connection to do it on.
                for consumer in self.consumers { consumer.startIfForgotten(on: session.connection) }
                // It may have gone while it was not yet known here.
                return session.connection.isOpen || !self.forget(session.connection, because: .connectionClosed)
            }
        }
    }

    /// The broker has closed the connection.
    private func lose(_ connection: ServerConnection, because reason: AMQPException) {
        if self.forget(connection, because: reason) { self.connect() }
    }

    /// - Returns: Whether it was the present connection.
    private func forget(_ connection: ServerConnection, because reason: AMQPException) -> Bool {
        let isLost = self.state.withLock { state in
            guard case .connected(let session) = state.phase, session.connection.id == connection.id
            else { return false }
            state.phase = .connecting
            self.board.update(.connecting(attempt: 1, reason: reason.text))
            return true
        }
        if isLost {
            self.server.logger.debug(
                "In-process connection lost",
                metadata: ["connection": "\(self.name)", "reason": "\(reason.text)"]
            )
        }
        return isLost
    }

    /// The broker takes no messages, or takes them again.
    private func noteBlock() {
        let session = self.state.withLock { state -> Session? in
            // Asked for under the lock: of two changes at once the older could be told last.
            state.blockReason = self.server.blockReason
            guard case .connected(let session) = state.phase else { return nil }
            guard state.blockReason == nil, !state.waiting.isEmpty else {
                self.board.update(state.blockReason.map { .blocked(reason: $0) } ?? .connected)
                return nil
            }
            // Nobody overtakes those who wait.
            state.phase = .connecting
            return session
        }
        if let session, !self.finishConnecting(session) { self.connect() }
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
        self.isEnded.open()
    }

    // MARK: - Waiting for a connection

    /// How long calls other than publishes wait for a connection.
    private static let patience = Duration.seconds(30)

    /// Answers a request, now or when there is a connection; messages also wait while the broker takes none.
    private func answerOrKeep(_ request: SessionRequest, isFirst: Bool) {
        let answer = self.state.withLock { state -> Result<Session, BrokerError>? in
            switch state.phase {
            case .closed(let error): return .failure(error)
            case .connected(let session) where !request.isPublish || state.blockReason == nil: return .success(session)
            case .connected, .connecting: break
            }
            let id = request.id
            var waiting = request
            waiting.timer = self.server.timers.schedule(at: request.deadline) { [weak self] in self?.giveUp(id) }
            if isFirst { state.waiting.prepend(waiting) } else { state.waiting.append(waiting) }
            return nil
        }
        if let answer { request.action(answer) }
    }

    private func answer(_ request: SessionRequest, _ result: Result<Session, BrokerError>) {
        if let timer = request.timer { self.server.timers.cancel(timer) }
        request.action(result)
    }

    private func giveUp(_ id: UInt64) {
        let request = self.state.withLock { state in
            state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
        }
        guard let request else { return }
        let status = self.status
        self.answer(request, .failure(request.isPublish ? .notSent(status, after: request.timeout) : .noAnswer(status)))
    }

    private func nextSession() async throws(BrokerError) -> Session {
        let id = self.server.nextRequestNumber()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<Session, BrokerError>, Never>) in
                let request = SessionRequest(
                    id: id,
                    isPublish: false,
                    timeout: Self.patience,
                    deadline: self.server.timers.now + Self.patience
                ) { continuation.resume(returning: $0) }
                self.answerOrKeep(request, isFirst: false)
                // The handler below may have run already, and found nobody to answer.
                if Task.isCancelled { self.giveUp(id) }
            }
        } onCancel: {
            self.giveUp(id)
        }
        return try result.get()
    }
}
