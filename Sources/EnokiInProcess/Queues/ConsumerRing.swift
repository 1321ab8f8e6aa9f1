import DequeModule

/// The consumers of a queue in turns, those of a higher priority before all others.
struct ConsumerRing {
    private struct Level {
        let priority: Int64
        var consumers: Deque<ConsumerRecord>
    }

    /// By descending priority; none is empty.
    private var levels: [Level] = []

    /// Whose turn it is.
    var first: ConsumerRecord? { self.levels.first?.consumers.first }

    /// Adds a consumer behind the others of its priority.
    mutating func append(_ consumer: ConsumerRecord) {
        let index = self.levels.firstIndex { $0.priority <= consumer.priority } ?? self.levels.endIndex
        if index == self.levels.endIndex || self.levels[index].priority != consumer.priority {
            self.levels.insert(Level(priority: consumer.priority, consumers: [consumer]), at: index)
        } else {
            self.levels[index].consumers.append(consumer)
        }
    }

    /// Lets the consumer whose turn it is go behind the others of its priority.
    mutating func rotate() {
        guard !self.levels.isEmpty, self.levels[0].consumers.count > 1 else { return }
        if let consumer = self.levels[0].consumers.popFirst() { self.levels[0].consumers.append(consumer) }
    }

    /// Takes out the consumer whose turn it is.
    mutating func popFirst() -> ConsumerRecord? {
        guard !self.levels.isEmpty, let consumer = self.levels[0].consumers.popFirst() else { return nil }
        if self.levels[0].consumers.isEmpty { self.levels.removeFirst() }
        return consumer
    }

    mutating func remove(_ consumer: ConsumerRecord) {
        for index in self.levels.indices where self.levels[index].priority == consumer.priority {
            guard let position = self.levels[index].consumers.firstIndex(where: { $0 === consumer }) else { return }
            self.levels[index].consumers.remove(at: position)
            if self.levels[index].consumers.isEmpty { self.levels.remove(at: index) }
            return
        }
    }
}
