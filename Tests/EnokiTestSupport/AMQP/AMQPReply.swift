public import EnokiBroker

/// What a broker answers to a method.
public enum AMQPReply: Sendable {
    /// The method has no answer; it was sent.
    case none
    /// Done, and nothing more to say.
    case ok
    /// `queue.declare-ok`.
    case queue(QueueStatus)
    /// `queue.purge-ok` or `queue.delete-ok`: how many messages were removed.
    case count(Int)
    /// `basic.consume-ok` or `basic.cancel-ok`: the consumer's tag.
    case consumer(tag: String)
    /// `basic.get-ok`, and how many messages are left.
    case message(AMQPDelivery, remaining: Int)
    /// `basic.get-empty`.
    case empty
    /// `channel.flow-ok`.
    case flow(active: Bool)
}

extension AMQPReply: CustomStringConvertible {
    /// The answer as it stands in a trace.
    public var description: String {
        switch self {
        case .none: ""
        case .ok: "ok"
        case .queue(let status): "\(status.name), \(status.messageCount) ready, \(status.consumerCount) consumers"
        case .count(let count): "\(count) messages"
        case .consumer(let tag): tag
        case .message(let delivery, let remaining): "\(delivery), \(remaining) left"
        case .empty: "empty"
        case .flow(let active): active ? "on" : "off"
        }
    }
}

/// A message that a broker handed over, by `basic.deliver` or `basic.get-ok`.
public struct AMQPDelivery: Sendable, CustomStringConvertible {
    /// The consumer's tag; `nil` for a message that was asked for.
    public var consumerTag: String?
    /// Its number on the channel.
    public var deliveryTag: UInt64
    /// Whether it may have been delivered before.
    public var redelivered: Bool
    /// The exchange it was published to.
    public var exchange: String
    /// The routing key it was published with.
    public var routingKey: String
    /// The message.
    public var message: Message

    /// A delivery.
    public init(
        consumerTag: String?,
        deliveryTag: UInt64,
        redelivered: Bool,
        exchange: String,
        routingKey: String,
        message: Message
    ) {
        self.consumerTag = consumerTag
        self.deliveryTag = deliveryTag
        self.redelivered = redelivered
        self.exchange = exchange
        self.routingKey = routingKey
        self.message = message
    }

    /// The body as a text.
    public var text: String { String(decoding: self.message.body, as: UTF8.self) }

    /// The body, marked where it is redelivered: `x again`.
    public var mark: String { self.redelivered ? "\(self.text) again" : self.text }

    /// The delivery as it stands in a trace.
    public var description: String {
        let consumer = self.consumerTag.map { " to \($0)" } ?? ""
        let again = self.redelivered ? " again" : ""
        let source = "from \(self.exchange.quotedIfNeeded) by \(self.routingKey.quotedIfNeeded)"
        return "\(TraceText.of(self.message))\(again) \(source)\(consumer) (tag \(self.deliveryTag))"
    }
}
