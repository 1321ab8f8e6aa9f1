import EnokiBroker

/// A message on its way to the broker, and who wants to know what became of it.
struct Publish: Sendable {
    let message: Message
    let exchange: String
    let routingKey: String
    let mandatory: Bool
    /// How long it may take in all.
    let timeout: Duration
    /// When it has taken so long, in the time of the broker's timers.
    let deadline: Duration
    let completion: @Sendable (Result<Void, BrokerError>) -> Void
}
