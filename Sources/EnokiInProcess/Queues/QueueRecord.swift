import EnokiBroker

/// A queue as the virtual host keeps it.
final class QueueRecord {
    let id: QueueID
    let declaration: Queue
    let arguments: QueueArguments
    /// The connection that an exclusive queue belongs to.
    let owner: ConnectionID?

    var ready = ReadyMessages()
    /// How many messages are delivered and not settled.
    var unsettledCount = 0
    var consumers: [ConsumerID: ConsumerRecord] = [:]
    /// Those whose turn comes when there is a message. One that is found at its limit leaves until it has room.
    var ring = ConsumerRing()
    /// The consumer that has the queue for itself: an exclusive one, or the single active one.
    var activeConsumer: ConsumerRecord?
    var hasHadConsumers = false
    /// The bindings that lead here, by the exchange that holds them.
    var bindings: [ExchangeID: Set<ExchangeRecord.Bound>] = [:]
    /// Since when it is unused, for `x-expires`.
    var unusedSince: Duration
    /// The earliest wake-up that was asked for and has not come.
    var nextWake: Duration?
    var isDeleted = false
    private var nextPosition: UInt64 = 0

    init(id: QueueID, _ declaration: Queue, arguments: QueueArguments, owner: ConnectionID?, now: Duration) {
        self.id = id
        self.declaration = declaration
        self.arguments = arguments
        self.owner = owner
        self.unusedSince = now
    }

    var name: String { self.declaration.name }

    /// A message that arrives now, at the place behind all others.
    func admit(_ published: PublishedMessage, now: Duration) -> QueuedMessage {
        defer { self.nextPosition += 1 }
        let properties = published.message.properties
        let timeToLive = [properties.expiration, self.arguments.messageTTL].compactMap(\.self).min()
        return QueuedMessage(
            published: published,
            position: self.nextPosition,
            priority: self.arguments.maxPriority.map { min(properties.priority ?? 0, $0) } ?? 0,
            expiry: timeToLive.map { now + $0 }
        )
    }

    /// When the queue goes, unless it is used before.
    var expiry: Duration? {
        guard self.consumers.isEmpty, let expires = self.arguments.expires else { return nil }
        return self.unusedSince + expires
    }

    /// Whether it would be longer than it may be with `message` in it.
    func wouldOverflow(with message: PublishedMessage) -> Bool {
        self.exceedsLimits(count: self.ready.count + 1, bytes: self.ready.byteCount + message.message.body.count)
    }

    /// Whether it is longer than it may be. What is delivered and not settled does not count.
    var isTooLong: Bool { self.exceedsLimits(count: self.ready.count, bytes: self.ready.byteCount) }

    private func exceedsLimits(count: Int, bytes: Int) -> Bool {
        if let limit = self.arguments.maxLength, count > limit { return true }
        if let limit = self.arguments.maxLengthBytes, bytes > limit { return true }
        return false
    }
}
