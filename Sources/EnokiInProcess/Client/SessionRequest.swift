import EnokiBroker

/// Somebody who waits for a connection, or until the broker takes messages again.
struct SessionRequest: Sendable {
    let id: UInt64
    let isPublish: Bool
    /// How long it waits in all, for what is said when it has waited in vain.
    let timeout: Duration
    /// When it has waited in vain, in the time of the broker's timers.
    let deadline: Duration
    /// Fires at the deadline.
    var timer: TimerQueue.ID?
    let action: @Sendable (Result<Session, BrokerError>) -> Void

    init(
        id: UInt64,
        isPublish: Bool,
        timeout: Duration,
        deadline: Duration,
        action: @escaping @Sendable (Result<Session, BrokerError>) -> Void
    ) {
        self.id = id
        self.isPublish = isPublish
        self.timeout = timeout
        self.deadline = deadline
        self.action = action
    }
}
