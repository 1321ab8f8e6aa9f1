import EnokiBroker

/// A message as it was published; all queues that it was routed to share it.
final class PublishedMessage: Sendable {
    let message: Message
    let exchange: String
    let routingKey: String

    init(_ message: Message, exchange: String, routingKey: String) {
        self.message = message
        self.exchange = exchange
        self.routingKey = routingKey
    }
}

/// A message in one queue.
struct QueuedMessage: Sendable {
    let published: PublishedMessage
    /// Its place in the queue, for as long as it is there: a message that comes back comes back to it.
    let position: UInt64
    /// When it expires, in the virtual host's time.
    let expiry: Duration?
    /// Whether it may have been delivered before.
    var redelivered = false
}

extension QueuedMessage: Comparable {
    static func == (left: Self, right: Self) -> Bool { left.position == right.position }

    static func < (left: Self, right: Self) -> Bool { left.position < right.position }
}
