import EnokiBroker

/// A message as it was published; all queues that it was routed to share it.
final class PublishedMessage: Sendable {
    let message: Message
    let exchange: String
    /// What it is routed by, each once: the routing key that it was published with first, then those of its `CC` and `BCC`
    /// headers.
    let routingKeys: [String]

    /// What consumers see of the routing keys.
    var routingKey: String { self.routingKeys.first ?? "" }
    var isPersistent: Bool { self.message.properties.deliveryMode == .persistent }

    init(_ message: Message, exchange: String, routingKeys: [String]) {
        self.message = message
        self.exchange = exchange
        var known: Set<ByteName> = []
        self.routingKeys =
            routingKeys.count > 1 ? routingKeys.filter { known.insert(ByteName($0)).inserted } : routingKeys
    }
}

/// A message in one queue.
struct QueuedMessage: Sendable {
    let published: PublishedMessage
    /// Its place in the queue, for as long as it is there: a message that comes back comes back to it.
    let position: UInt64
    /// The priority that it has in this queue, 0 in one without priorities.
    let priority: UInt8
    /// When it expires, in the virtual host's time.
    let expiry: Duration?
    /// Whether it may have been delivered before.
    var redelivered = false

    var bodySize: Int { self.published.message.body.count }
}

extension QueuedMessage: Comparable {
    static func == (left: Self, right: Self) -> Bool { left.position == right.position }

    static func < (left: Self, right: Self) -> Bool { left.position < right.position }
}
