import DequeModule

/// Deliveries on their way to their consumers: each consumer gets its own in order, and the consumers take turns.
///
/// It is the one place that decides which delivery comes next.
struct Outbox: Sendable {
    private var handovers: [ConsumerID: Deque<Effects.Handover>] = [:]
    /// The consumers that have something to get, once each; one whose deliveries were withdrawn may linger.
    private var turns = Deque<ConsumerID>()
    /// The consumer that is being called now.
    private(set) var running: ConsumerID?

    var isEmpty: Bool { self.handovers.isEmpty }

    mutating func append(_ handover: Effects.Handover) {
        if self.handovers[handover.consumer] == nil { self.turns.append(handover.consumer) }
        self.handovers[handover.consumer, default: []].append(handover)
    }

    /// Takes the next delivery; its consumer is running until ``finish()``.
    mutating func next() -> Effects.Handover? {
        while let consumer = self.turns.popFirst() {
            guard let handover = self.handovers[consumer]?.popFirst() else { continue }
            if self.handovers[consumer]?.isEmpty == true {
                self.handovers[consumer] = nil
            } else {
                self.turns.append(consumer)
            }
            self.running = consumer
            return handover
        }
        return nil
    }

    /// The call of the running consumer has returned.
    mutating func finish() { self.running = nil }

    /// Takes back all that `consumer` has not got.
    mutating func withdraw(from consumer: ConsumerID) -> [Effects.Handover] {
        guard let withdrawn = self.handovers.removeValue(forKey: consumer) else { return [] }
        self.turns.removeAll { $0 == consumer }
        return Array(withdrawn)
    }
}
