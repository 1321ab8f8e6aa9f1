import EnokiBroker

/// A consumer as the virtual host keeps it.
final class ConsumerRecord {
    let id: ConsumerID
    let tag: String
    let channel: ChannelRecord
    let queue: QueueRecord
    let noAck: Bool
    let exclusive: Bool
    /// Among the consumers of a queue the ones of the highest priority are served first.
    let priority: Int64
    /// How many deliveries may be unsettled at once; 0 is any number.
    let prefetch: Int

    var unsettledCount = 0
    /// Whether it was found at its limit, and so stands in no ring until it may take a message again.
    var isBlocked = false

    init(
        id: ConsumerID,
        tag: String,
        channel: ChannelRecord,
        queue: QueueRecord,
        noAck: Bool,
        exclusive: Bool,
        priority: Int64,
        prefetch: Int
    ) {
        self.id = id
        self.tag = tag
        self.channel = channel
        self.queue = queue
        self.noAck = noAck
        self.exclusive = exclusive
        self.priority = priority
        self.prefetch = prefetch
    }

    /// Whether its own prefetch lets it have another message; it does not bind one that settles nothing.
    var hasRoom: Bool { self.noAck || self.prefetch == 0 || self.unsettledCount < self.prefetch }

    /// Whether its channel's limits do too. They bind all: who settles nothing does not count for the prefetch, and yet waits.
    var canTakeMore: Bool { self.hasRoom && !self.channel.isAtLimit }
}
