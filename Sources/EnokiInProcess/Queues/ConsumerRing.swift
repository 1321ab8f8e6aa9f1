/// The consumers of a queue in turns, those of a higher priority before all others.
struct ConsumerRing {
    private struct Level {
        let priority: Int64
        var consumers: ConsumerLine
    }

    /// By descending priority; none is empty.
    private var levels: [Level] = []

    /// Whose turn it is.
    var first: ConsumerRecord? { self.levels.first?.consumers.first }

    /// Adds a consumer behind the others of its priority.
    mutating func append(_ consumer: ConsumerRecord) {
        let index = self.index(of: consumer.priority)
        if index == self.levels.endIndex || self.levels[index].priority != consumer.priority {
            self.levels.insert(Level(priority: consumer.priority, consumers: ConsumerLine()), at: index)
        }
        self.levels[index].consumers.append(consumer)
    }

    /// Lets the consumer whose turn it is go behind the others of its priority.
    mutating func rotate() {
        if !self.levels.isEmpty { self.levels[0].consumers.rotate() }
    }

    /// Takes out the consumer whose turn it is.
    mutating func popFirst() -> ConsumerRecord? {
        guard !self.levels.isEmpty, let consumer = self.levels[0].consumers.popFirst() else { return nil }
        if self.levels[0].consumers.isEmpty { self.levels.removeFirst() }
        return consumer
    }

    mutating func remove(_ consumer: ConsumerRecord) {
        let index = self.index(of: consumer.priority)
        guard index < self.levels.endIndex, self.levels[index].priority == consumer.priority else { return }
        self.levels[index].consumers.remove(consumer)
        if self.levels[index].consumers.isEmpty { self.levels.remove(at: index) }
    }

    /// Where the level of a priority is, or would be.
    private func index(of priority: Int64) -> Int {
        var range = self.levels.startIndex..<self.levels.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if self.levels[middle].priority > priority {
                range = middle + 1..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        return range.lowerBound
    }
}
