import DequeModule
import EnokiBroker

/// What is on its way to channels: each gets its own in order. The channels take turns, or a seed picks one at each step.
///
/// It is the one place that decides what comes next.
struct Outbox {
    /// What a channel gets.
    enum Item: Sendable {
        case event(ChannelEvent)
        /// Somebody waits until all before it has been got.
        case barrier(CheckedContinuation<Void, Never>)

        /// Whether nothing can come after it.
        var isEnd: Bool { if case .event(.closed) = self { true } else { false } }
    }

    private var lines: [ChannelID: Deque<Item>] = [:]
    /// The channels that have something to get, once each; one whose line was taken out may linger.
    private var turns: RunQueue<ChannelID>
    private var standing: Set<ChannelID> = []
    /// The channel that is being called now.
    private(set) var running: ChannelID?

    /// An empty outbox.
    ///
    /// - Parameter seed: Picks among the channels; `nil` lets them take turns.
    init(seed: UInt64? = nil) { self.turns = RunQueue(seed: seed) }

    var isEmpty: Bool { self.lines.isEmpty }

    func hasItems(for channel: ChannelID) -> Bool { self.lines[channel] != nil }

    mutating func append(_ item: Item, for channel: ChannelID) {
        self.lines[channel, default: []].append(item)
        self.stand(channel)
    }

    /// Takes what comes next; its channel is running until ``finish()``.
    mutating func next() -> (channel: ChannelID, item: Item)? {
        while let channel = self.turns.next() {
            self.standing.remove(channel)
            guard let item = self.lines[channel]?.popFirst() else { continue }
            if self.lines[channel]?.isEmpty == true {
                self.lines[channel] = nil
            } else {
                self.stand(channel)
            }
            self.running = channel
            return (channel, item)
        }
        return nil
    }

    private mutating func stand(_ channel: ChannelID) {
        if self.standing.insert(channel).inserted { self.turns.append(channel) }
    }

    /// Takes the channel's next item out of turn, where it is the confirm of publish `sequence` alone.
    mutating func takeConfirm(of sequence: UInt64, on channel: ChannelID) -> Bool {
        guard case .event(.acked(sequence, multiple: false))? = self.lines[channel]?.first else { return false }
        self.lines[channel]?.removeFirst()
        if self.lines[channel]?.isEmpty == true { self.lines[channel] = nil }
        return true
    }

    /// The call of the running channel has returned.
    mutating func finish() { self.running = nil }

    /// Takes back the deliveries that the channel's consumer with `tag` has not got.
    ///
    /// - Parameter canWithdraw: Whether the delivery of that tag can be given back.
    mutating func withdrawDeliveries(
        to tag: String,
        on channel: ChannelID,
        where canWithdraw: (DeliveryTag) -> Bool
    ) -> [DeliveryTag] {
        var withdrawn: [DeliveryTag] = []
        self.lines[channel]?.removeAll { item in
            guard
                case .event(.deliver(let delivery)) = item, delivery.consumerTag.hasSameBytes(as: tag),
                canWithdraw(delivery.deliveryTag)
            else { return false }
            withdrawn.append(delivery.deliveryTag)
            return true
        }
        if self.lines[channel]?.isEmpty == true { self.lines[channel] = nil }
        return withdrawn
    }

    /// Takes out all that a channel has not got.
    mutating func removeAll(for channel: ChannelID) -> [Item] {
        Array(self.lines.removeValue(forKey: channel) ?? [])
    }

    /// Takes out all that anybody has not got.
    mutating func removeAll() -> [Item] {
        self.lines.keys.sorted().flatMap { self.removeAll(for: $0) }
    }
}
