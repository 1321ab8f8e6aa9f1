import EnokiBroker
import Logging

/// What ``RecoveryStateMachine`` decides is done here, and what becomes of it is told to it.
extension ConsumerHost {
    /// Tells the machine what has happened, and does what it wants done.
    func recover(_ input: (inout Recovery) -> [Recovery.Action]) {
        let (session, actions) = self.state.withLock { state in
            let actions = input(&state.recovery)
            let condition = state.recovery.condition
            // Under the lock, or an older condition could be told after a newer one.
            if condition != state.condition { self.report(condition, after: state.condition) }
            if condition == .whole { state.complaints = Complaints() }
            state.condition = condition
            return (state.session, actions)
        }
        guard let session else { return }
        for action in actions { self.perform(action, on: session) }
    }

    private func report(_ condition: Recovery.Condition, after former: Recovery.Condition) {
        switch condition {
        case .whole: self.report(.up)
        case .restoring(let reason?): self.report(.down(.connecting(attempt: 1, reason: reason)))
        case .restoring(nil) where former == .whole:
            self.report(.down(.connecting(attempt: 1, reason: "what was declared and consumed is being restored")))
        // The connection tells that it is away, and for how long.
        case .restoring(nil), .away: break
        }
    }

    private func perform(_ action: Recovery.Action, on session: Session) {
        switch action {
        case .declare(let round, let checking): self.declare(round, checking: checking, on: session)
        case .consume(let id): self.consume(id, on: session)
        case .wait(let duration, let wait):
            session.schedule(after: duration) { self.recover { $0.waited(wait) } }
        case .tellQueueLost(let id): self.tellQueueLost(id)
        case .open:
            guard self.state.withLock({ $0.session === session }) else { return }
            self.gate.open(session)
            self.holdPublishers(nil)
        case .rebuild(let error):
            self.logger.error("recovery is stuck: \(error.message)", metadata: ["event": "connection_rebuilt"])
            session.abort(error)
        }
    }

    private func declare(_ round: Int, checking: [ObjectIdentifier], on session: Session) {
        let questions = self.state.withLock { state in
            // Declared first, a queue would be there whether it was lost or not.
            checking.compactMap { id in
                state.consumers[id].map { DeclaringRound.Question(method: .queueInspect($0.queue), checks: id) }
            } + state.recorded.methods.map { DeclaringRound.Question(method: $0) }
        }
        self.go(on: DeclaringRound(number: round, questions), on: session)
    }

    /// Asks the next questions of a round: each has the whole time of a call, however many there are.
    private func go(on round: DeclaringRound, on session: Session) {
        guard let questions = round.next() else {
            let (lost, failures) = round.findings
            for error in failures where error.code != .connectionLost && error.code != .closed {
                // Each round finds the same; what repeats is told by the consumers.
                let isUsed = self.isUsedAsItIs(error.inequivalentArgument)
                let level: Logger.Level = self.note(error) > 1 ? .debug : isUsed ? .info : .error
                self.logger.log(level: level, "restoring the topology: \(error.message)")
            }
            return self.recover { $0.declared(round: round.number, lostQueues: lost, failures: failures) }
        }
        let deadline = ContinuousClock.Instant.deadline(after: self.configuration.callTimeout)
        let countdown = Countdown(questions.count) {
            self.recover { recovery in
                recovery.declaredPart(ofRound: round.number)
                return []
            }
            self.go(on: round, on: session)
        }
        for question in questions {
            let restores = question.checks == nil
            self.topologyCall(question.method, restores: restores, on: session, deadline: deadline) { result in
                if case .failure(let error) = result { round.note(session.attributed(error), for: question) }
                countdown.down()
            }
        }
    }

    /// Whether `difference` was there, and told, when it was declared first: what has become different since is none of ours.
    private func isUsedAsItIs(_ difference: InequivalentArgument?) -> Bool {
        guard let difference else { return false }
        return self.state.withLock { $0.usedAsItIs.contains(difference.entity) }
    }

    private func consume(_ id: ObjectIdentifier, on session: Session) {
        // One that is wanted no longer was taken out of the machine too, which wants to hear of it all the same.
        guard let consumer = self.state.withLock({ $0.consumers[id] }) else {
            return self.recover { $0.consumed(id, failure: nil) }
        }
        consumer.start(on: session) { result in
            switch result {
            case .success:
                self.logger.info("consuming again", metadata: ["queue": "\(consumer.queue)"])
                self.recover { $0.consumed(id, failure: nil) }
            case .failure(let error):
                let error = session.attributed(error)
                if error.code != .connectionLost, error.code != .closed {
                    self.logger.log(
                        level: Complaints.isDoubled(self.note(error)) ? .error : .debug,
                        "not consuming, and trying again: \(error.message)",
                        metadata: ["queue": "\(consumer.queue)"]
                    )
                }
                self.recover { $0.consumed(id, failure: error) }
            }
        }
    }

    /// How often the broker has refused that by now.
    private func note(_ error: BrokerError) -> Int {
        self.state.withLock { $0.complaints.note(error.message, at: .now) }
    }

    private func tellQueueLost(_ id: ObjectIdentifier) {
        guard let consumer = self.state.withLock({ $0.consumers[id] }) else { return }
        self.logger.warning(
            "a queue was lost with all that was in it, and is declared again",
            metadata: ["queue": "\(consumer.queue)"]
        )
        consumer.noteQueueLost()
    }

    // MARK: - Consumers

    /// A consumer that was promised comes back.
    func add(_ consumer: RabbitMQConsumer) {
        self.state.withLock { $0.consumers[ObjectIdentifier(consumer)] = consumer }
        self.recover { recovery in
            recovery.add(ObjectIdentifier(consumer), queue: consumer.queue, watchesQueue: consumer.watchesQueue)
            return []
        }
    }

    func consumerStopped(_ consumer: RabbitMQConsumer, on session: Session, because reason: String) {
        self.logger.error(
            "a consumer stopped: \(reason); declaring its topology and consuming again",
            metadata: ["queue": "\(consumer.queue)"]
        )
        self.recover { $0.stopped(ObjectIdentifier(consumer), because: reason) }
    }

    func consumerCancelled(_ consumer: RabbitMQConsumer) {
        self.state.withLock { _ = $0.consumers.removeValue(forKey: ObjectIdentifier(consumer)) }
        self.recover { recovery in
            recovery.remove(ObjectIdentifier(consumer))
            return []
        }
    }

    // MARK: - What is missing

    /// The broker has said that there is no exchange of that name: one of ours is declared again, and meanwhile nothing is
    /// published. One that goes with its last binding (`auto_delete`) may be gone by right, and comes back with its queue.
    func exchangeIsMissing(_ name: String) {
        let isOurs = self.state.withLock { state in
            state.recorded.topology.exchanges.contains { !$0.autoDelete && $0.name.hasSameBytes(as: name) }
        }
        guard isOurs else { return }
        let reason = "exchange '\(name)' was deleted by someone"
        self.logger.error("\(reason); declaring it again")
        self.holdPublishers(reason)
        // The publishing connection's thread is here; what this one's thread has closed it may be about to open again.
        let session = self.state.withLock { $0.session }
        session?.schedule(after: .zero) { self.recover { $0.missed(reason) } }
    }

    /// Looks whether every consumer that is wanted is served, see ``RecoveryStateMachine/look(served:)``.
    func look() {
        let consumers = self.state.withLock { $0.consumers }
        let served = Set(consumers.filter { $0.value.isActive }.keys)
        let timeout = self.configuration.consumerTimeout
        for consumer in consumers.values { consumer.warnOfUnsettled(for: timeout / 2, of: timeout) }
        self.recover { $0.look(served: served) }
    }
}
