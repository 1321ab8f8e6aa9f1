import DequeModule

/// The consumers of a queue that can take a message now: in turns, those of a higher priority before all others.
struct ConsumerRing: Sendable {
    private struct Level {
        let priority: Int32
        var consumers: Deque<ConsumerID>
    }

    /// By descending priority; none is empty.
    private var levels: [Level] = []

    /// Whose turn it is.
    var first: ConsumerID? { self.levels.first?.consumers.first }

    /// Adds a consumer behind the others of its priority.
    mutating func append(_ consumer: ConsumerID, priority: Int32) {
        let index = self.levels.firstIndex { $0.priority <= priority } ?? self.levels.endIndex
        if index == self.levels.endIndex || self.levels[index].priority != priority {
            self.levels.insert(Level(priority: priority, consumers: [consumer]), at: index)
        } else {
            self.levels[index].consumers.append(consumer)
        }
    }

    /// Takes out the consumer whose turn it is.
    mutating func popFirst() -> ConsumerID? {
        guard let consumer = self.levels.first?.consumers.first else { return nil }
        if self.levels[0].consumers.count == 1 {
            self.levels.removeFirst()
        } else {
            self.levels[0].consumers.removeFirst()
        }
        return consumer
    }

    mutating func remove(_ consumer: ConsumerID) {
        for index in self.levels.indices {
            guard let position = self.levels[index].consumers.firstIndex(of: consumer) else { continue }
            self.levels[index].consumers.remove(at: position)
            if self.levels[index].consumers.isEmpty { self.levels.remove(at: index) }
            return
        }
    }
}
