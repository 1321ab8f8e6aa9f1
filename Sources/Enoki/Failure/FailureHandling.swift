/// A policy at work for one queue: what becomes of its deliveries.
struct FailureHandling: Sendable {
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
    func attempt(_ delivery: Delivery) -> Int {
        FailureHeaders.attempt(in: delivery.message.properties.headers, limit: self.policy.attempts)
    }

    /// Settles a delivery whose call ended with `outcome`.
    func settle(_ delivery: Delivery, _ outcome: Outcome, of context: WorkerContext, deadline: Deadline?) {
        if let hasFailed = self.policy.hasFailed(outcome) { self.gate?.ended(delivery.token, failed: hasFailed) }
        let settlement = self.settlement(for: outcome, of: delivery, deadline: nil)
        self.log(outcome, settlement, of: context)
        self.settle(delivery, settlement, outcome, of: context, deadline: deadline)
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
    func settlement(for outcome: Outcome, of delivery: Delivery, deadline: Deadline?) -> Settlement {
        if case .succeeded = outcome { return .acknowledge }
        return self.policy.settlement(
            for: outcome,
            attempt: self.attempt(delivery),
            timeLeft: deadline?.remaining,
            hasDeadLetters: self.queue.outlivesItsConsumers,
            chance: self.container.process.overrides.chance
        )
    }

    /// Does what was decided for a delivery whose call ended with `outcome`.
    func settle(
        _ delivery: Delivery,
        _ settlement: Settlement,
        _ outcome: Outcome,
        of context: WorkerContext,
        deadline: Deadline?
    ) {
        if case .succeeded = outcome { return self.container.settler.settle(delivery, .ack) }
        let reason = if case .timedOut = outcome { DeadLetterReason.timeout } else { DeadLetterReason.error }
        let error = outcome.error ?? CancellationError()
        self.settle(delivery, settlement, context.entrypoint, reason, error, callID: context.callID, deadline)
    }

    /// What is to be done with a delivery in place of a call, before even its message is read; `nil` when its call may begin.
    func settlement(
        returned delivery: Delivery,
        from origin: Redeliveries.Origin,
        deadline: Deadline?
    ) -> Settlement? {
        guard let limit = self.deliveryLimit(of: delivery) else { return nil }
        let verdict = limit.verdict(
            from: origin,
            after: limit.returns(in: delivery.message.properties.headers),
            timeLeft: deadline?.remaining,
            chance: self.container.process.overrides.chance
        )
        switch verdict {
        case .work: return nil
        case .comeBack(let wait, let returns): return .comeBack(wait, returns)
        case .giveUp: return self.policy.settlement(refusing: .crash, attempt: self.attempt(delivery))
        }
    }

    /// How long a delivery waits before it goes on; `nil` when it was put off, and is settled.
    func admit(
        _ delivery: Delivery,
        from origin: Redeliveries.Origin,
        entrypoint: String,
        deadline: Deadline?
    ) -> Duration? {
        guard let limit = self.deliveryLimit(of: delivery) else { return .zero }
        let admission = limit.admission(
            from: origin,
            after: limit.returns(in: delivery.message.properties.headers),
            timeLeft: deadline?.remaining,
            enters: { stay in
                self.container.process.quarantine.enter(delivery.token, stay, at: self.container.process.timers.now)
            },
            chance: self.container.process.overrides.chance
        )
        switch admission {
        case .after(let pause): return pause
        case .later(let wait, let returns):
            let settlement = Settlement.putOff(wait, returns, .quarantine)
            self.settle(delivery, returned: settlement, entrypoint: entrypoint, deadline: deadline)
            return nil
        }
    }

    /// Puts a delivery off, uncounted, that has come back before: where it would only wait, it is not to be in hand when another
    /// message kills the process.
    ///
    /// - Returns: Whether it was, and is settled.
    func putOff(
        _ delivery: Delivery,
        from origin: Redeliveries.Origin,
        entrypoint: String,
        deadline: Deadline?
    ) -> Bool {
        guard let limit = self.deliveryLimit(of: delivery) else { return false }
        let before = limit.returns(in: delivery.message.properties.headers)
        guard DeliveryLimit.isSuspect(from: origin, after: before),
            let (wait, returns) = limit.putOff(
                after: before,
                timeLeft: deadline?.remaining,
                chance: self.container.process.overrides.chance
            )
        else { return false }
        let settlement = Settlement.putOff(wait, returns, .pause)
        self.settle(delivery, returned: settlement, entrypoint: entrypoint, deadline: deadline)
        return true
    }

    /// The limit for a delivery; `nil` where there is none: without dead letters, and with a policy whose final step is to
    /// requeue, which is without a limit by its meaning. Of a message that was not taken whole no copy can be made.
    private func deliveryLimit(of delivery: Delivery) -> DeliveryLimit? {
        guard self.queue.outlivesItsConsumers, self.policy.finalStep != .requeue, delivery.message.defect == nil else {
            return nil
        }
        return DeliveryLimit(self.container.process.settings.deliveryLimit)
    }

    /// Settles a delivery that came back, as was decided.
    func settle(_ delivery: Delivery, returned settlement: Settlement, entrypoint: String, deadline: Deadline?) {
        let error = self.error(returned: delivery, entrypoint: entrypoint)
        if case .acknowledge = settlement {
            self.container.logger.error(
                "given up: it is discarded",
                metadata: [LoggingKeys.entrypoint: "\(entrypoint)", LoggingKeys.error: "\(error)"]
            )
        }
        self.settle(delivery, settlement, entrypoint, .crash, error, deadline)
    }

    /// What is told of a delivery that has come back too often.
    func error(returned delivery: Delivery, entrypoint: String) -> DeliveryLimitExceeded {
        let returns = self.deliveryLimit(of: delivery)?.returns(in: delivery.message.properties.headers) ?? Returns()
        return DeliveryLimitExceeded(entrypoint: entrypoint, redeliveries: returns.count + 1)
    }

    /// Settles a delivery that cannot be read. It is not tried again: that would change nothing.
    func settle(_ delivery: Delivery, unreadable error: any Error, entrypoint: String) {
        let reason = DeadLetterReason(unreadable: error)
        let settlement = self.policy.settlement(
            refusing: reason,
            attempt: self.attempt(delivery),
            hasDeadLetters: self.queue.outlivesItsConsumers
        )
        if case .acknowledge = settlement {
            self.container.logger.error(
                "refused an event that cannot be read: it is discarded",
                metadata: FailureText.metadata(of: error).merging([LoggingKeys.entrypoint: "\(entrypoint)"]) { $1 }
            )
        }
        self.settle(delivery, settlement, entrypoint, reason, error, nil)
    }

    private func settle(
        _ delivery: Delivery,
        _ settlement: Settlement,
        _ entrypoint: String,
        _ reason: DeadLetterReason,
        _ error: any Error,
        callID: String? = nil,
        _ deadline: Deadline?
    ) {
        let failed = FailedMessage(
            delivery: delivery,
            queue: self.queue.name,
            entrance: self.entrance,
            service: self.container.name,
            entrypoint: entrypoint,
            callID: callID,
            messageID: Self.id(of: delivery) ?? self.container.process.overrides.ids.messageID(),
            reason: reason,
            error: error,
            time: self.container.process.overrides.unixTime()
        )
        self.container.settler.settle(failed, settlement, deadline: deadline)
    }

    private static func id(of delivery: Delivery) -> String? {
        delivery.message.properties.messageID.flatMap { $0.isEmpty ? nil : $0 }
    }
}
