import EnokiBroker
import Logging

/// The consuming side of the broker: one connection with a channel for topology and one for each consumer.
///
/// Topology belongs here because an exclusive queue belongs to the connection that declared it.
final class ConsumerHost: ConnectionUser, ChannelUser, RabbitMQConsumer.Host {
    private struct State {
        var session: Session?
        var topologyChannel: Channel?
        var recorded = RecordedTopology()
        var consumers: [ObjectIdentifier: RabbitMQConsumer] = [:]
        var nextTag = 1
    }

    let connection: Connection
    private let gate = Gate<Session>(reason: "not connected yet")
    private let state = Locked(State())
    private let report: @Sendable (_ isReady: Bool) -> Void

    /// - Parameter report: Told when what was declared and consumed before is there again, and when it is not.
    init(_ connection: Connection, report: @escaping @Sendable (_ isReady: Bool) -> Void) {
        self.connection = connection
        self.report = report
    }

    var configuration: RabbitMQConfiguration { self.connection.configuration }
    var logger: Logger { self.connection.logger }

    /// Fails what waits and what comes.
    func end() { self.gate.end() }

    // MARK: - Calls

    /// Runs `methods` in order, all sent at once, and returns their answers. Started again on a new connection as long as
    /// there is time: all of them may be repeated.
    func call(_ methods: [Method]) async throws(BrokerError) -> [IncomingMethod.Reply] {
        for method in methods { try method.validate() }
        let deadline = ContinuousClock.Instant.deadline(after: self.configuration.callTimeout)
        while true {
            let session = try await self.session(until: deadline)
            let results = await self.call(methods, on: session, deadline: deadline)
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
            await Task.yield()
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
        await withCheckedContinuation { done in
            let countdown = Countdown(methods.count) { done.resume() }
            for (index, method) in methods.enumerated() {
                self.topologyCall(method, on: session, deadline: deadline) { result in
                    results.withLock { $0[index] = result }
                    countdown.down()
                }
            }
        }
        return results.withLock { $0 }
    }

    /// Runs `method` on the channel for topology, and records what it changes as soon as the broker has answered.
    private func topologyCall(
        _ method: Method,
        on session: Session,
        deadline: ContinuousClock.Instant,
        complete: @escaping @Sendable (Result<IncomingMethod.Reply, BrokerError>) -> Void
    ) {
        guard let channel = self.topologyChannel(of: session) else {
            return complete(.failure(BrokerError(.connectionLost, "the connection to the broker was lost")))
        }
        channel.call(method, deadline: deadline) { result in
            var result = result
            // What is to be undone does not exist: then it is undone.
            if case .unbind = method, case .failure(let error) = result, error.code == .notFound {
                result = .success(.done)
            }
            if case .success = result { self.state.withLock { $0.recorded.record(method) } }
            complete(result)
        }
    }

    private func topologyChannel(of session: Session) -> Channel? {
        self.state.withLock { $0.session === session ? $0.topologyChannel : nil }
    }

    /// Consumes; returns when the broker has agreed.
    func consume(
        _ queue: String,
        options: ConsumerOptions,
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
            onDelivery: onDelivery
        )
        while true {
            let session = try await self.session(until: deadline)
            let result = await withCheckedContinuation { done in
                consumer.start(on: session) { result in
                    // Before the thread can notice a loss: a consumer that was promised comes back.
                    if case .success = result {
                        self.state.withLock { $0.consumers[ObjectIdentifier(consumer)] = consumer }
                    }
                    done.resume(returning: result)
                }
            }
            switch result {
            case .success: return consumer
            case .failure(let error) where error.code == .connectionLost: await Task.yield()
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
        self.restore(on: session, attempt: 1)
    }

    /// Brings back what was declared and consumed before, and then lets calls and publishers go on.
    ///
    /// A broker may still be busy with the end of our last connection: the queues that were exclusive to it are locked
    /// until it has deleted them, and with them it may delete an exchange that we have just declared again. So what is
    /// locked or missing is tried again for a while, before anybody is told that all is as it was.
    private func restore(on session: Session, attempt: Int) {
        self.redeclare(on: session) { failures in
            let passing = failures.first { $0.code == .resourceLocked || $0.code == .notFound }
            if let passing, attempt < Self.maxRestoreAttempts {
                self.logger.info("not all is restored yet, trying again: \(passing.message)")
                session.schedule(after: .milliseconds(25) * (1 << min(attempt, 5))) {
                    self.restore(on: session, attempt: attempt + 1)
                }
                return
            }
            for error in failures { self.logger.error("restoring the topology: \(error.message)") }
            let consumers = self.state.withLock { Array($0.consumers.values) }
            let countdown = Countdown(consumers.count) {
                guard self.state.withLock({ $0.session === session }) else { return }
                self.gate.open(session)
                self.report(true)
            }
            for consumer in consumers {
                self.restart(consumer, on: session, attempt: 1) { countdown.down() }
            }
        }
    }

    /// With the growing delays about ten seconds.
    private static let maxRestoreAttempts = 16

    /// Opens the channel for topology and sends `calls` on it.
    private func openTopologyChannel(_ session: Session, calls: [Call]) {
        let deadline = ContinuousClock.Instant.deadline(after: self.configuration.callTimeout)
        do throws(BrokerError) {
            let channel = try session.openChannel(for: self, deadline: deadline)
            self.state.withLock { state in
                if state.session === session { state.topologyChannel = channel }
            }
            for call in calls {
                channel.call(call.method, deadline: call.deadline) { call.complete?($0) }
            }
        } catch {
            for call in calls { call.complete?(.failure(error)) }
        }
    }

    /// Declares all that was declared before; `complete` gets what the broker refused.
    private func redeclare(on session: Session, complete: @escaping @Sendable ([BrokerError]) -> Void) {
        let methods = self.state.withLock { $0.recorded.methods }
        let failures = Locked([BrokerError]())
        let countdown = Countdown(methods.count) { complete(failures.withLock { $0 }) }
        let deadline = ContinuousClock.Instant.deadline(after: self.configuration.callTimeout)
        for method in methods {
            self.topologyCall(method, on: session, deadline: deadline) { result in
                switch result {
                case .success: break
                case .failure(let error) where error.code == .connectionLost || error.code == .closed: break
                case .failure(let error):
                    failures.withLock { $0.append(error) }
                    // Whether it is there nobody knows; another connection will tell.
                    if error.code == .timedOut { session.abort(error) }
                }
                countdown.down()
            }
        }
    }

    /// Consumes again, and tries on if the broker refuses. `firstTried` is called after the first attempt.
    private func restart(
        _ consumer: RabbitMQConsumer,
        on session: Session,
        attempt: Int,
        firstTried: @escaping @Sendable () -> Void = {}
    ) {
        guard !consumer.isCancelled else { return firstTried() }
        consumer.start(on: session) { result in
            defer { firstTried() }
            switch result {
            case .success:
                self.logger.info("consuming again", metadata: ["queue": "\(consumer.queue)"])
            case .failure(let error) where error.code == .connectionLost || error.code == .closed: break
            case .failure(let error):
                let delay = min(.milliseconds(500) * (1 << min(attempt - 1, 10)), self.configuration.reconnect.maximum)
                self.logger.error(
                    "not consuming: \(error.message); trying again in \(delay)",
                    metadata: ["queue": "\(consumer.queue)"]
                )
                session.schedule(after: delay) { self.revive(consumer, on: session, attempt: attempt + 1) }
            }
        }
    }

    /// Declares what the consumer may need and consumes again.
    private func revive(_ consumer: RabbitMQConsumer, on session: Session, attempt: Int) {
        self.redeclare(on: session) { failures in
            for error in failures { self.logger.error("restoring the topology: \(error.message)") }
            self.restart(consumer, on: session, attempt: attempt)
        }
    }

    func consumerStopped(_ consumer: RabbitMQConsumer, on session: Session, because reason: String) {
        self.logger.error(
            "a consumer stopped: \(reason); declaring its topology and consuming again",
            metadata: ["queue": "\(consumer.queue)"]
        )
        self.revive(consumer, on: session, attempt: 1)
    }

    func consumerCancelled(_ consumer: RabbitMQConsumer) {
        self.state.withLock { _ = $0.consumers.removeValue(forKey: ObjectIdentifier(consumer)) }
    }

    func connectionLost(_ error: BrokerError) {
        self.state.withLock { state in
            state.session = nil
            state.topologyChannel = nil
        }
        self.gate.shut("not connected: \(error.message)")
        self.report(false)
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
