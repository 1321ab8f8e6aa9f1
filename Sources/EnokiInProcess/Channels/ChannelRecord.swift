import EnokiBroker

/// A channel as the virtual host keeps it: its consumers, what it was given and has not settled, and its modes.
final class ChannelRecord {
    /// A delivery that is not settled.
    struct Unsettled {
        let message: QueuedMessage
        let queue: QueueRecord
        /// `nil` for what `basic.get` took.
        let consumer: ConsumerRecord?
    }

    let id: ChannelID
    let connection: ConnectionRecord
    var consumers: [ByteName: ConsumerRecord] = [:]
    /// The consumer of `amq.rabbitmq.reply-to`.
    var replyConsumer: ReplyConsumer?
    /// The name of the queue that was declared last, which an empty name stands for.
    var lastQueue: String?
    /// `basic.qos` for the consumers to come; 0 is any number.
    var consumerPrefetch = 0
    /// `basic.qos` with `global` for all consumers of the channel together; `nil` is any number.
    var channelPrefetch: Int?
    /// Consumers that the limits of the channel keep from their queues, in the order in which they were found at them.
    var blocked: [ConsumerRecord] = []
    /// How many publishes the channel has confirmed or will confirm; `nil` where it confirms none.
    var publishCount: UInt64?
    /// What waits for `tx.commit`; `nil` where the channel is not transactional.
    var transaction: Transaction?

    private var unsettled: [DeliveryTag: Unsettled] = [:]
    /// How many of them were given to consumers.
    private(set) var unsettledOfConsumers = 0
    private var lastTag: DeliveryTag = 0
    /// The number of the next delivery. RabbitMQ delivers direct replies under it and does not count them.
    var nextTag: DeliveryTag { self.lastTag + 1 }
    /// No tag below it is unsettled.
    private var lowestTag: DeliveryTag = 1

    init(id: ChannelID, connection: ConnectionRecord) {
        self.id = id
        self.connection = connection
    }

    /// Whether its consumers together have as much as they may.
    var isAtPrefetch: Bool { self.channelPrefetch.map { self.unsettledOfConsumers >= $0 } ?? false }

    /// Numbers a delivery that needs no settling.
    func takeTag() -> DeliveryTag {
        self.lastTag += 1
        return self.lastTag
    }

    /// Numbers a delivery and keeps it until it is settled.
    func keep(_ delivery: Unsettled) -> DeliveryTag {
        let tag = self.takeTag()
        self.putBack([(tag, delivery)])
        return tag
    }

    /// The delivery with `tag`, where it is unsettled.
    func delivery(_ tag: DeliveryTag) -> Unsettled? { self.unsettled[tag] }

    /// Takes the delivery with `tag`, or with `multiple` all up to it; tag 0 is then all there are.
    ///
    /// - Throws: `406` when `tag` is not unsettled.
    func take(_ tag: DeliveryTag, multiple: Bool) throws(AMQPException) -> [(DeliveryTag, Unsettled)] {
        if multiple, tag == 0 { return self.takeAll() }
        guard self.unsettled[tag] != nil else { throw .unknownTag(tag) }
        return multiple ? self.take(through: tag) : self.take([tag])
    }

    /// Takes all that is unsettled, in the order of the tags.
    func takeAll() -> [(DeliveryTag, Unsettled)] { self.take(self.unsettled.keys.sorted()) }

    /// Keeps deliveries again that were taken.
    func putBack(_ deliveries: [(DeliveryTag, Unsettled)]) {
        for (tag, delivery) in deliveries {
            self.unsettled[tag] = delivery
            self.lowestTag = min(self.lowestTag, tag)
            if delivery.consumer != nil { self.unsettledOfConsumers += 1 }
        }
    }

    private func take(through tag: DeliveryTag) -> [(DeliveryTag, Unsettled)] {
        defer { self.lowestTag = tag + 1 }
        return self.take(self.lowestTag...tag)
    }

    private func take(_ tags: some Sequence<DeliveryTag>) -> [(DeliveryTag, Unsettled)] {
        tags.compactMap { tag in
            guard let delivery = self.unsettled.removeValue(forKey: tag) else { return nil }
            if delivery.consumer != nil { self.unsettledOfConsumers -= 1 }
            return (tag, delivery)
        }
    }
}
