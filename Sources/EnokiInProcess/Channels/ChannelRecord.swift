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

    /// How many deliveries may wait to go out, as in RabbitMQ (`UNSENT_MESSAGE_LIMIT`): what a client does not read stays
    /// in its queue.
    static let unsentLimit = 200
    /// How many direct replies may, which have no queue to wait in: those above it are lost. RabbitMQ knows no bound.
    static let unsentReplyLimit = 10_000

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
    private(set) var channelPrefetch: Int?
    /// Consumers that the limits of the channel keep from their queues, in the order in which they were found at them.
    var blocked = ConsumerLine()
    /// How many deliveries have not gone out; `nil` where nobody counts them.
    var unsentCount: Int?
    /// How many publishes the channel has confirmed or will confirm; `nil` where it confirms none.
    var publishCount: UInt64?
    /// What waits for `tx.commit`; `nil` where the channel is not transactional.
    var transaction: Transaction?

    private var unsettled: [DeliveryTag: Unsettled] = [:]
    /// What counts for ``channelPrefetch``: what its consumers have, and what the channel had when the limit was set.
    private var volume = 0
    private var lastTag: DeliveryTag = 0
    /// The number of the next delivery. RabbitMQ delivers direct replies under it and does not count them.
    var nextTag: DeliveryTag { self.lastTag + 1 }
    /// No tag below it is unsettled.
    private var lowestTag: DeliveryTag = 1

    init(id: ChannelID, connection: ConnectionRecord) {
        self.id = id
        self.connection = connection
    }

    /// Whether it gets nothing more for now: its consumers together have as much as they may, or too much is on its way.
    var isAtLimit: Bool {
        self.channelPrefetch.map { self.volume >= $0 } ?? false
            || self.unsentCount.map { $0 >= Self.unsentLimit } ?? false
    }

    /// Limits what its consumers may have together; `nil` is any number.
    ///
    /// As in RabbitMQ a limit where there was none begins with all that is unsettled, and what `basic.get` took of that
    /// counts for as long as there is a limit.
    func limit(to prefetch: Int?) {
        if self.channelPrefetch == nil { self.volume = self.unsettled.count }
        self.channelPrefetch = prefetch
    }

    /// Numbers a delivery that needs no settling.
    func takeTag() -> DeliveryTag {
        self.lastTag += 1
        return self.lastTag
    }

    /// Numbers a delivery and keeps it until it is settled.
    func keep(_ delivery: Unsettled) -> DeliveryTag {
        let tag = self.takeTag()
        self.putBack([(tag, delivery)])
        if delivery.consumer != nil { self.volume += 1 }
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
        }
    }

    /// Takes deliveries that are settled off what counts for ``channelPrefetch``.
    func makeRoom(for settled: [(DeliveryTag, Unsettled)]) {
        if self.volume != 0 { self.volume -= settled.count { $0.1.consumer != nil } }
    }

    /// Takes a consumer out of the ``blocked`` ones.
    ///
    /// - Returns: Whether it was one.
    @discardableResult
    func release(_ consumer: ConsumerRecord) -> Bool {
        guard consumer.isBlocked else { return false }
        consumer.isBlocked = false
        return self.blocked.remove(consumer)
    }

    private func take(through tag: DeliveryTag) -> [(DeliveryTag, Unsettled)] {
        let tags = min(self.lowestTag, tag)...tag
        self.lowestTag = tag + 1
        // Between few that are far apart, as a rollback leaves them, there is nothing to look for.
        let isSparse = tags.count / 4 > self.unsettled.count
        return isSparse ? self.take(self.unsettled.keys.filter { $0 <= tag }.sorted()) : self.take(tags)
    }

    private func take(_ tags: some Sequence<DeliveryTag>) -> [(DeliveryTag, Unsettled)] {
        tags.compactMap { tag in
            self.unsettled.removeValue(forKey: tag).map { (tag, $0) }
        }
    }
}
