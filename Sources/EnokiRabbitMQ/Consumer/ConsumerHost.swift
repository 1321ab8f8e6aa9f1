import EnokiBroker
import Logging

/// The consuming side of the broker: one connection with a channel for topology and one for each consumer.
///
/// Topology belongs here because an exclusive queue belongs to the connection that declared it.
final class ConsumerHost: ConnectionUser, ChannelUser, RabbitMQConsumer.Host {
    typealias Recovery = RecoveryStateMachine<ObjectIdentifier>

    struct State {
        var session: Session?
        var topologyChannel: Channel?
        var recorded = RecordedTopology()
        /// What exists with other arguments than it was to be declared with, and was told so.
        var usedAsItIs: Set<String> = []
        /// The deletions that the broker has not answered yet.
        var deletions: [Int: Method] = [:]
        var nextDeletion = 1
        var consumers: [ObjectIdentifier: RabbitMQConsumer] = [:]
        var nextTag = 1
        var recovery: Recovery
        var condition = Recovery.Condition.away
        /// What could not be restored.
        var complaints = Complaints()

        /// What is to be restored: not what is just being deleted, or it would be there again behind its deletion.
        var wanted: RecordedTopology { self.deletions.values.reduce(into: self.recorded) { $0.record($1) } }

        /// - Returns: Its key in the deletions that have no answer yet.
        mutating func begin(deletion method: Method) -> Int {
            defer { self.nextDeletion += 1 }
            self.deletions[self.nextDeletion] = method
            return self.nextDeletion
        }
    }

    let connection: Connection
    let gate = Gate<Session>(reason: "not connected yet")
    let state: Locked<State>
    /// Told of the connection's state, but for what the connection itself tells.
    let report: @Sendable (LinkStatus.Link) -> Void
    /// Lets publishers wait, with the reason, because they might find neither exchange nor queue; `nil` lets them go on.
    let holdPublishers: @Sendable (_ reason: String?) -> Void

    /// - Parameter watchInterval: How long after each other ``look()`` is called.
    init(
        _ connection: Connection,
        watchInterval: Duration,
        report: @escaping @Sendable (LinkStatus.Link) -> Void,
        holdPublishers: @escaping @Sendable (_ reason: String?) -> Void
    ) {
        self.connection = connection
        // A consumer asks at most twice, for its channel and to consume; one look more may fall on the very moment.
        let looksForAnswer = connection.configuration.callTimeout * 2 / watchInterval + 2
        self.state = Locked(
            State(
                recovery: Recovery(
                    longestWait: connection.configuration.reconnect.maximum,
                    looksForAnswer: Int(min(looksForAnswer.rounded(.up), 100_000))
                )
            )
        )
        self.report = report
        self.holdPublishers = holdPublishers
    }

    var configuration: RabbitMQConfiguration { self.connection.configuration }
    var logger: Logger { self.connection.logger }

    /// Fails what waits and what comes.
    func end() { self.gate.end() }

    /// Lets the consumers go, which hold it as it holds them: the broker has ended.
    func letGo() {
        // Outside of the lock: what ends with one may call back.
        let consumers = self.state.withLock { state in
            defer { state.consumers = [:] }
            return state.consumers
        }
        withExtendedLifetime(consumers) {}
    }

    // MARK: - Calls

    /// Runs `methods` in order, all sent at once, and returns their answers. Started again on a new connection as long as
    /// there is time: all of them may be repeated.
    ///
    /// - Parameter usesExisting: Whether what exists with other arguments is an answer, and no error.
    func call(
        _ methods: [Method],
        usesExisting: Bool = false
    ) async throws(BrokerError) -> [IncomingMethod.Reply] {
        for method in methods { try method.validate() }
        let deadline = ContinuousClock.Instant.deadline(after: self.configuration.callTimeout)
        while true {
            let session = try await self.session(until: deadline)
            let results = await self.call(methods, usesExisting, on: session, deadline: deadline)
            var replies: [IncomingMethod.Reply] = []
            var failure: BrokerError?
            for result in results {
                switch result {
                case .success(let reply): replies.append(reply)
                case .failure(let error): failure = failure ?? error
                }
            }
            guard let failure else { return replies }
            guard failure.code == .connectionLost else { throw failure }
            try await self.waitForChannel(until: deadline)
        }
    }

    /// Waits a moment before what failed with its channel is asked again: the I/O thread is about to open another one, or to
    /// tell of the loss of the connection.
    private func waitForChannel(until deadline: ContinuousClock.Instant) async throws(BrokerError) {
        guard ContinuousClock.now < deadline else {
            throw BrokerError(.timedOut, "the broker could not be asked in time: its channel was lost")
        }
        do {
            try await ContinuousClock().sleep(for: .milliseconds(1))
        } catch {
            throw BrokerError(.timedOut, "the broker was not asked: the task was cancelled")
        }
    }

    private func session(until deadline: ContinuousClock.Instant) async throws(BrokerError) -> Session {
        if let session = self.gate.value { return session }
        do throws(Gate<Session>.Failure) {
            return try await self.gate.value(until: deadline)
        } catch {
            switch error {
            case .timedOut(let reason): throw BrokerError(.timedOut, "the broker could not be asked in time: \(reason)")
            case .cancelled: throw BrokerError(.timedOut, "the broker was not asked: the task was cancelled")
            case .ended: throw BrokerError.brokerClosed
            }
        }
    }

    private func call(
        _ methods: [Method],
        _ usesExisting: Bool,
        on session: Session,
        deadline: ContinuousClock.Instant
    ) async -> [Result<IncomingMethod.Reply, BrokerError>] {
        let lost = BrokerError(.connectionLost, "the connection to the broker was lost")
        let results = Locked(
            [Result<IncomingMethod.Reply, BrokerError>](
                repeating: .failure(lost),
                count: methods.count
            )
        )
        let isAnswered = Latch()
        let countdown = Countdown(methods.count) { isAnswered.open() }
        for (index, method) in methods.enumerated() {
            self.topologyCall(method, usesExisting: usesExisting, on: session, deadline: deadline) { result in
                results.withLock { $0[index] = result }
                countdown.down()
            }
        }
        await isAnswered.wait()
        guard isAnswered.isOpen else {
            return [.failure(BrokerError(.timedOut, "the broker has not answered: the task was cancelled"))]
        }
        return results.withLock { $0 }
    }

    /// Runs `method` on the channel for topology, and records what it changes as soon as the broker has answered.
    ///
    /// - Parameters:
    ///   - usesExisting: Whether what exists with other arguments is an answer, and no error.
    ///   - restores: Whether it declares again what was declared: what is not wanted any more is left out, and done.
    func topologyCall(
        _ method: Method,
        usesExisting: Bool = false,
        restores: Bool = false,
        on session: Session,
        deadline: ContinuousClock.Instant,
        complete: @escaping @Sendable (Result<IncomingMethod.Reply, BrokerError>) -> Void
    ) {
        // Under the lock: what a deletion takes away is either declared before it on the wire, or not at all.
        let result = self.state.withLock { state -> Result<IncomingMethod.Reply, BrokerError>? in
            guard state.session === session, let channel = state.topologyChannel else {
                return .failure(BrokerError(.connectionLost, "the connection to the broker was lost"))
            }
            if restores, !state.wanted.holds(method) { return .success(.done) }
            let deletion = method.isDeletion ? state.begin(deletion: method) : nil
            let failure = channel.send(method, deadline: deadline) { answer in
                let result = Self.result(of: method, answer, usesExisting: usesExisting)
                self.state.withLock { state in
                    if let deletion { state.deletions[deletion] = nil }
                    if case .success(let reply) = result {
                        state.recorded.record(method)
                        if case .exists(let difference) = reply { state.usedAsItIs.insert(difference.entity) }
                    }
                }
                complete(result)
            }
            guard let failure else { return nil }
            if let deletion { state.deletions[deletion] = nil }
            return .failure(failure)
        }
        if let result { complete(result) }
    }

    /// What the broker's answer to `method` means.
    private static func result(
        of method: Method,
        _ answer: Result<IncomingMethod.Reply, BrokerError>,
        usesExisting: Bool
    ) -> Result<IncomingMethod.Reply, BrokerError> {
        guard case .failure(let error) = answer else { return answer }
        // What is to be undone does not exist: then it is undone.
        if case .unbind = method, error.code == .notFound { return .success(.done) }
        if usesExisting, let difference = error.inequivalentArgument, difference.isUsable {
            return .success(.exists(difference))
        }
        return answer
    }

    /// Consumes; returns when the broker has agreed.
    func consume(
        _ queue: String,
        options: ConsumerOptions,
        onQueueLost: (@Sendable () -> Void)?,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> RabbitMQConsumer {
        try Method.consume(queue: queue, tag: "", options: options).validate()
        guard options.prefetch >= 1, options.prefetch <= Int(UInt16.max) else {
            throw BrokerError(.invalidArgument, "the prefetch is \(options.prefetch), allowed is from 1 to 65535")
        }
        let deadline = ContinuousClock.Instant.deadline(after: self.configuration.callTimeout)
        let tag = self.state.withLock { state in
            defer { state.nextTag += 1 }
            return state.nextTag
        }
        let consumer = RabbitMQConsumer(
            queue,
            options: options,
            tag: "enoki-\(tag)",
            host: self,
            onQueueLost: onQueueLost,
            onDelivery: onDelivery
        )
        while true {
            let session = try await self.session(until: deadline)
            let answer = Locked<Result<Void, BrokerError>?>(nil)
            let isAnswered = Latch()
            consumer.start(on: session) { result in
                // Before the thread can notice a loss: a consumer that was promised comes back.
                if case .success = result { self.add(consumer) }
                // It may have been abandoned before it was added.
                if consumer.isCancelled { self.consumerCancelled(consumer) }
                answer.withLock { $0 = result }
                isAnswered.open()
            }
            await isAnswered.wait()
            guard let result = answer.withLock({ $0 }) else {
                consumer.abandon()
                throw BrokerError(.timedOut, "queue '\(queue)' is not consumed: the task was cancelled")
            }
            switch result {
            case .success: return consumer
            case .failure(let error) where error.code == .connectionLost:
                try await self.waitForChannel(until: deadline)
            case .failure(let error): throw error
            }
        }
    }

    // MARK: - Told by the I/O thread

    var isIdle: Bool { true }

    func connectionOpened(_ session: Session) {
        self.state.withLock { state in
            state.session = session
            state.topologyChannel = nil
        }
        self.openTopologyChannel(session, calls: [])
        self.recover { $0.opened() }
    }

    /// Opens the channel for topology and sends `calls` on it.
    private func openTopologyChannel(_ session: Session, calls: [Call]) {
        let deadline = ContinuousClock.Instant.deadline(after: self.configuration.callTimeout)
        do throws(BrokerError) {
            let channel = try session.openChannel(for: self, deadline: deadline)
            // Under one lock: they were sent before all that comes now, and go before it on the wire again.
            let unsent = self.state.withLock { state in
                if state.session === session { state.topologyChannel = channel }
                return calls.compactMap { call in
                    channel.send(call.method, deadline: call.deadline) { call.complete?($0) }.map { (call, $0) }
                }
            }
            for (call, failure) in unsent { call.complete?(.failure(failure)) }
        } catch {
            // Without it nothing could be declared, and nobody would notice.
            session.abort(error)
            let lost = BrokerError(.connectionLost, error.message)
            for call in calls { call.complete?(.failure(lost)) }
        }
    }

    func connectionLost(_ error: BrokerError) {
        self.gate.shut("not connected: \(error.message)")
        self.holdPublishers("not connected")
        self.state.withLock { state in
            state.session = nil
            state.topologyChannel = nil
            state.recovery.lost()
            state.condition = .away
        }
    }

    func connectionBlocked(_ reason: String?) {}

    func connectionDrained() {}

    /// The channel for topology was closed: the first call that was not answered is to blame, and all others were not
    /// even looked at by the broker, so they are sent again.
    func channel(_ channel: Channel, closedWith closure: IncomingMethod.Closure, unanswered: [Call]) {
        guard let session = self.state.withLock({ $0.topologyChannel === channel ? $0.session : nil }) else {
            for call in unanswered { call.complete?(.failure(BrokerError(closure, during: call.method))) }
            return
        }
        self.openTopologyChannel(session, calls: Array(unanswered.dropFirst()))
        if let guilty = unanswered.first {
            guilty.complete?(.failure(BrokerError(closure, during: guilty.method)))
        } else {
            self.logger.error("the broker closed the channel for topology: \(closure.text)")
        }
    }
}
