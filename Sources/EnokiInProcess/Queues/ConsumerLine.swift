import DequeModule

/// Consumers one behind the other. To add one at the end, or to take out any, costs the same however many there are.
struct ConsumerLine {
    private struct Place {
        let consumer: ConsumerRecord
        /// Counts the places that were ever given.
        let number: UInt64
    }

    /// In their order, with those that were taken out from between the others; the first one is never such a one.
    private var places = Deque<Place>()
    /// Who has which place.
    private var numbers: [ConsumerID: UInt64] = [:]
    private var lastNumber: UInt64 = 0

    var count: Int { self.numbers.count }
    var isEmpty: Bool { self.numbers.isEmpty }
    var first: ConsumerRecord? { self.places.first?.consumer }

    /// Adds a consumer, which is not in it, at the end.
    mutating func append(_ consumer: ConsumerRecord) {
        self.lastNumber += 1
        self.numbers[consumer.id] = self.lastNumber
        self.places.append(Place(consumer: consumer, number: self.lastNumber))
    }

    /// Lets the first consumer go to the end.
    mutating func rotate() {
        guard self.count > 1, let first = self.places.popFirst() else { return }
        self.places.append(first)
        self.tidy()
    }

    /// Takes out the first consumer.
    mutating func popFirst() -> ConsumerRecord? {
        guard let first = self.places.popFirst() else { return nil }
        self.numbers[first.consumer.id] = nil
        self.tidy()
        return first.consumer
    }

    /// Takes out a consumer.
    ///
    /// - Returns: Whether it was in it.
    @discardableResult
    mutating func remove(_ consumer: ConsumerRecord) -> Bool {
        guard self.numbers.removeValue(forKey: consumer.id) != nil else { return false }
        self.tidy()
        return true
    }

    /// Takes out all consumers for which `condition` holds.
    ///
    /// - Returns: Them, in their order.
    mutating func removeAll(where condition: (ConsumerRecord) -> Bool) -> [ConsumerRecord] {
        var removed: [ConsumerRecord] = []
        var kept = Deque<Place>()
        for place in self.places where self.isTaken(place) {
            if condition(place.consumer) {
                removed.append(place.consumer)
                self.numbers[place.consumer.id] = nil
            } else {
                kept.append(place)
            }
        }
        self.places = kept
        return removed
    }

    private func isTaken(_ place: Place) -> Bool { self.numbers[place.consumer.id] == place.number }

    /// Drops places that nobody has: at the front, and all of them where they are most.
    private mutating func tidy() {
        guard self.places.count != self.count else { return }
        while let first = self.places.first, !self.isTaken(first) { self.places.removeFirst() }
        if self.places.count > 2 * self.count + 16 { self.places = Deque(self.places.filter(self.isTaken)) }
    }
}
