/// The consumer of a channel for direct replies, which bypass queues (<https://www.rabbitmq.com/direct-reply-to.html>).
struct ReplyConsumer {
    /// The name that stands for the channel's own replies, where it consumes and in what it publishes.
    static let pseudoQueue = "amq.rabbitmq.reply-to"

    let tag: String
    /// The name that others publish replies to, on the default exchange.
    let address: String

    static func isAddress(_ routingKey: String) -> Bool { routingKey.utf8.starts(with: "\(self.pseudoQueue).".utf8) }
}
