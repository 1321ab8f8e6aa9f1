import EnokiBroker

/// A message on its way to the broker, and who wants to know what became of it.
struct Publish: Sendable {
    let message: Message
    let exchange: String
    let routingKey: String
    let mandatory: Bool
    /// How long its confirm is waited for.
    let timeout: Duration
    let completion: @Sendable (Result<Void, BrokerError>) -> Void
}
