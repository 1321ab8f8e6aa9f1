/// A policy at work for one queue: what becomes of its deliveries.
struct FailureHandling: Sendable {
    let policy: FailurePolicy
    let queue: Queue
    let container: ServiceContainer

    /// What the queue needs beside itself.
    var topology: Topology { self.policy.canRetry ? RetryTopology.wayBack(to: self.queue.name) : Topology() }

    /// The number of the attempt that a delivery is, counted from 1.
    func attempt(_ delivery: Delivery) -> Int {
        FailureHeaders.attempt(in: delivery.message.properties.headers, limit: self.policy.attempts)
    }

    /// Settles a delivery whose call ended with `outcome`.
    func settle(_ delivery: Delivery, _ outcome: Outcome, entrypoint: String, deadline: Deadline?) {
        let settlement = self.settlement(for: outcome, of: delivery, deadline: nil)
        self.settle(delivery, settlement, outcome, entrypoint: entrypoint, deadline: deadline)
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
        entrypoint: String,
        deadline: Deadline?
    ) {
        if case .succeeded = outcome { return self.container.settler.settle(delivery, .ack) }
        self.settle(delivery, settlement, entrypoint, outcome.error ?? CancellationError(), deadline)
    }

    /// Settles a delivery that cannot be read. It is not tried again: that would change nothing.
    func settle(_ delivery: Delivery, unreadable error: any Error, entrypoint: String) {
        let settlement = self.policy.settlement(
            refusing: DeadLetterReason(unreadable: error),
            attempt: self.attempt(delivery),
            hasDeadLetters: self.queue.outlivesItsConsumers
        )
        self.settle(delivery, settlement, entrypoint, error, nil)
    }

    private func settle(
        _ delivery: Delivery,
        _ settlement: Settlement,
        _ entrypoint: String,
        _ error: any Error,
        _ deadline: Deadline?
    ) {
        let failed = FailedMessage(
            delivery: delivery,
            queue: self.queue.name,
            service: self.container.name,
            entrypoint: entrypoint,
            error: error,
            time: self.container.process.overrides.unixTime()
        )
        self.container.settler.settle(failed, settlement, deadline: deadline)
    }
}
