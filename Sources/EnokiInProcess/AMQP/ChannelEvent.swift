package import EnokiBroker

/// Numbers a delivery on its channel, from 1.
package typealias DeliveryTag = UInt64

/// What a broker sends on a channel of itself, not in answer to a method.
package enum ChannelEvent: Sendable {
    /// `basic.deliver`.
    case deliver(BasicDeliver)
    /// `basic.return`; its confirm comes after it.
    case returned(BasicReturn)
    /// `basic.ack` of a publish, or of all up to it.
    case acked(UInt64, multiple: Bool)
    /// `basic.nack` of a publish, or of all up to it.
    case nacked(UInt64, multiple: Bool)
    /// `basic.cancel`: the consumer's queue is gone.
    case cancelled(consumerTag: String)
    /// Here goes the answer to the oldest method that has none yet. Only for who asked to be told, when the channel was
    /// opened: others get the answers as results of the methods, past what is on its way to the channel.
    case answer
    /// The connection was closed, and the channel with it.
    case closed(AMQPException)
}

/// A message on its way to a consumer.
package struct BasicDeliver: Sendable {
    package let consumerTag: String
    package let deliveryTag: DeliveryTag
    package let redelivered: Bool
    package let exchange: String
    package let routingKey: String
    package let message: Message
}

/// A mandatory message that no queue took.
package struct BasicReturn: Sendable {
    package let code: ReplyCode
    package let text: String
    package let exchange: String
    package let routingKey: String
    package let message: Message
    /// The number of the publish, where the channel confirms.
    package let sequence: UInt64?
}

/// The answer to a `basic.get` that found a message.
package struct BasicGetOK: Sendable {
    package let deliveryTag: DeliveryTag
    package let redelivered: Bool
    package let exchange: String
    package let routingKey: String
    /// How many messages are ready behind it.
    package let messageCount: Int
    package let message: Message
}

/// How `basic.consume` asks to be served.
package struct ConsumeRequest: Sendable, Hashable {
    package var queue: String
    /// Empty for a tag of the broker's choice.
    package var consumerTag = ""
    package var noAck = false
    package var exclusive = false
    package var arguments: Headers = [:]

    package init(queue: String) { self.queue = queue }
}
