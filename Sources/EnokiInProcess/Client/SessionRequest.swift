import EnokiBroker

/// Somebody who waits for a connection, or until the broker takes messages again.
struct SessionRequest: Sendable {
    let id: UInt64
    let isPublish: Bool
    let timer: TimerQueue.ID
    let action: @Sendable (Result<Session, BrokerError>) -> Void
}
