import DequeModule

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
    /// The channels that have something to get; one whose line was taken out may linger.
    private var turns: RunQueue<ChannelID>
    /// The channel that is being called now.
    private(set) var running: ChannelID?

    /// An empty outbox.
    ///
    /// - Parameter seed: Picks among the channels; `nil` lets them take turns.
    init(seed: UInt64? = nil) { self.turns = RunQueue(seed: seed) }

    var isEmpty: Bool { self.lines.isEmpty }

    mutating func append(_ item: Item, for channel: ChannelID) {
        if self.lines[channel] == nil { self.turns.append(channel) }
        self.lines[channel, default: []].append(item)
    }

    /// Takes what comes next; its channel is running until ``finish()``.
    mutating func next() -> (channel: ChannelID, item: Item)? {
        while let channel = self.turns.next() {
            guard let item = self.lines[channel]?.popFirst() else { continue }
            if self.lines[channel]?.isEmpty == true {
                self.lines[channel] = nil
            } else {
                self.turns.append(channel)
            }
            self.running = channel
            return (channel, item)
        }
        return nil
    }

    /// The call of the running channel has returned.
    mutating func finish() { self.running = nil }

    /// Takes back the deliveries that the channel's consumer with `tag` has not got.
    mutating func withdrawDeliveries(to tag: String, on channel: ChannelID) -> [DeliveryTag] {
        var withdrawn: [DeliveryTag] = []
        self.lines[channel]?.removeAll { item in
            guard case .event(.deliver(let delivery)) = item, delivery.consumerTag == tag else { return false }
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
}
