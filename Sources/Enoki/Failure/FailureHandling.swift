/// A policy at work for one queue: what becomes of its deliveries.
struct FailureHandling: Sendable {
    /// The name of the entrypoint.
    let entrypoint: String
    let policy: FailurePolicy
    let queue: Queue
    let container: ServiceContainer
    /// Whether an error is part of normal work.
    let expects: @Sendable (any Error) -> Bool
    /// How messages get into the queue at first, where one that comes otherwise would not be understood by all who consume it.
    var entrance: FailedMessage.Entrance?
    /// What keeps calls back while most of them fail.
    var gate: KillSwitchGate?

    /// What the queue needs beside itself.
    var topology: Topology { self.policy.canRetry ? RetryTopology.wayBack(to: self.queue.name) : Topology() }

    /// The number of the attempt that a delivery is, counted from 1.
    func attempt(_ incoming: Incoming) -> Int {
        FailureHeaders.attempt(in: incoming.headers, limit: self.policy.attempts)
    }

    /// Settles a delivery whose call ended with `outcome`.
    func settle(_ incoming: Incoming, _ outcome: Outcome, of context: WorkerContext) {
        if let hasFailed = self.policy.hasFailed(outcome) {
            self.gate?.ended(incoming.delivery.token, failed: hasFailed)
        }
        let settlement = self.settlement(for: outcome, of: incoming, until: nil)
        self.log(outcome, settlement, of: context)
        self.settle(incoming, settlement, outcome, of: context)
    }

    /// Logs a failure of which no copy is made; of a copy the settler says why. So each failed attempt has one line.
    func log(_ outcome: Outcome, _ settlement: Settlement, of context: WorkerContext) {
        guard let error = outcome.error else { return }
        switch settlement {
        case .retry, .comeBack, .putOff, .deadLetter: break
        case .acknowledge: context.logFailure(error, isExpected: self.expects(error))
        case .requeue:
            context.logFailure(error, isExpected: self.expects(error), ": its message goes back to its queue")
        }
    }

    /// What to do with a delivery whose call ended with `outcome`. No attempt is made after `deadline`.
    func settlement(for outcome: Outcome, of incoming: Incoming, until deadline: Deadline?) -> Settlement {
        if case .succeeded = outcome { return .acknowledge }
        return self.policy.settlement(
            for: outcome,
            attempt: self.attempt(incoming),
            timeLeft: deadline?.remaining,
            hasDeadLetters: self.queue.outlivesItsConsumers,
            chance: self.container.process.overrides.chance
        )
    }

    /// Does what was decided for a delivery whose call ended with `outcome`.
    func settle(_ incoming: Incoming, _ settlement: Settlement, _ outcome: Outcome, of context: WorkerContext) {
        if case .succeeded = outcome { return self.container.settler.settle(incoming.delivery, .ack) }
        let reason = if case .timedOut = outcome { DeadLetterReason.timeout } else { DeadLetterReason.error }
        let error = outcome.error ?? CancellationError()
        self.settle(incoming, settlement, reason, error, callID: context.callID)
    }

    /// What is to be done with a delivery in place of a call, before even its message is read; `nil` when its call may begin.
    func settlement(returned incoming: Incoming) -> Settlement? {
        guard let limit = self.deliveryLimit(of: incoming) else { return nil }
        let verdict = limit.verdict(
            from: incoming.origin,
            after: limit.returns(in: incoming.headers),
            timeLeft: incoming.deadline?.remaining,
            chance: self.container.process.overrides.chance
        )
        switch verdict {
        case .work: return nil
        case .comeBack(let wait, let returns): return .comeBack(wait, returns)
        case .giveUp: return self.policy.settlement(refusing: .crash, attempt: self.attempt(incoming))
        }
    }

    /// How long a delivery waits before it goes on; `nil` when it was put off, and is settled.
    func admit(_ incoming: Incoming) -> Duration? {
        guard let limit = self.deliveryLimit(of: incoming) else { return .zero }
        let token = incoming.delivery.token
        let admission = limit.admission(
            from: incoming.origin,
            after: limit.returns(in: incoming.headers),
            timeLeft: incoming.deadline?.remaining,
            enters: { stay in
                self.container.process.quarantine.enter(token, stay, at: self.container.process.timers.now)
            },
            chance: self.container.process.overrides.chance
        )
        switch admission {
        case .after(let pause): return pause
        case .later(let wait, let returns):
            self.settle(incoming, returned: .putOff(wait, returns, .quarantine))
            return nil
        }
    }

    /// Puts a delivery off, uncounted, that has come back before: where it would only wait, it is not to be in hand when another
    /// message kills the process.
    ///
    /// - Returns: Whether it was, and is settled.
    func putOff(_ incoming: Incoming) -> Bool {
        guard let limit = self.deliveryLimit(of: incoming) else { return false }
        let before = limit.returns(in: incoming.headers)
        guard DeliveryLimit.isSuspect(from: incoming.origin, after: before),
            let (wait, returns) = limit.putOff(
                after: before,
                timeLeft: incoming.deadline?.remaining,
                chance: self.container.process.overrides.chance
            )
        else { return false }
        self.settle(incoming, returned: .putOff(wait, returns, .pause))
        return true
    }

    /// The limit for a delivery; `nil` where there is none: without dead letters, and with a policy whose final step is to
    /// requeue, which is without a limit by its meaning. Of a message that was not taken whole no copy can be made.
    private func deliveryLimit(of incoming: Incoming) -> DeliveryLimit? {
        guard self.queue.outlivesItsConsumers, self.policy.finalStep != .requeue, incoming.message.defect == nil else {
            return nil
        }
        return DeliveryLimit(self.container.process.settings.deliveryLimit)
    }

    /// Settles a delivery that came back, as was decided.
    func settle(_ incoming: Incoming, returned settlement: Settlement) {
        let error = self.error(returned: incoming)
        if case .acknowledge = settlement {
            self.container.logger.error(
                "given up: it is discarded",
                metadata: [LoggingKeys.entrypoint: "\(self.entrypoint)", LoggingKeys.error: "\(error)"]
            )
        }
        self.settle(incoming, settlement, .crash, error)
    }

    /// What is told of a delivery that has come back too often.
    func error(returned incoming: Incoming) -> DeliveryLimitExceeded {
        let returns = self.deliveryLimit(of: incoming)?.returns(in: incoming.headers) ?? Returns()
        return DeliveryLimitExceeded(entrypoint: self.entrypoint, redeliveries: returns.count + 1)
    }

    /// Settles a delivery that cannot be read. It is not tried again: that would change nothing.
    func settle(_ incoming: Incoming, unreadable error: any Error) {
        let reason = DeadLetterReason(unreadable: error)
        let settlement = self.policy.settlement(
            refusing: reason,
            attempt: self.attempt(incoming),
            hasDeadLetters: self.queue.outlivesItsConsumers
        )
        if case .acknowledge = settlement {
            self.container.logger.error(
                "refused an event that cannot be read: it is discarded",
                metadata: FailureText.metadata(of: error).merging([LoggingKeys.entrypoint: "\(self.entrypoint)"]) { $1 }
            )
        }
        self.settle(incoming, settlement, reason, error)
    }

    private func settle(
        _ incoming: Incoming,
        _ settlement: Settlement,
        _ reason: DeadLetterReason,
        _ error: any Error,
        callID: String? = nil
    ) {
        let failed = FailedMessage(
            delivery: incoming.delivery,
            queue: self.queue.name,
            entrance: self.entrance,
            service: self.container.name,
            entrypoint: self.entrypoint,
            callID: callID,
            messageID: Self.id(of: incoming.message) ?? self.container.process.overrides.ids.messageID(),
            reason: reason,
            error: error,
            time: self.container.process.overrides.unixTime()
        )
        self.container.settler.settle(failed, settlement, deadline: incoming.deadline)
    }

    private static func id(of message: Message) -> String? {
        message.properties.messageID.flatMap { $0.isEmpty ? nil : $0 }
    }
}
