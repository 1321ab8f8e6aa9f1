import EnokiBroker

/// A message on its way to the broker, and who wants to know what became of it.
struct Publish: Sendable {
    enum Outcome: Sendable {
        case confirmed
        case failed(BrokerError)
        /// The connection went before the confirm came, because of this: the broker may have the message.
        case lost(AMQPException)
    }

    let message: Message
    let exchange: String
    let routingKey: String
    let mandatory: Bool
    /// How long it may take in all.
    let timeout: Duration
    /// When it has taken so long, in the time of the broker's timers.
    let deadline: Duration
}
