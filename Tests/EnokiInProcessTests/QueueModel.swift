import EnokiBroker

@testable import EnokiInProcess

/// One queue with its consumers as plainly as it can be written: the expectation that random operations are held against.
struct QueueModel {
    struct Entry {
        let number: Int
        var redelivered = false
    }

    struct Consumer {
        let name: Int
        let prefetch: Int
        var isCancelled = false
        var unsettled: [Entry] = []
    }

    /// A delivery as a text: consumer, message, and a mark for one that is redelivered.
    private(set) var deliveries: [String] = []
    private(set) var ready: [Entry] = []
    /// All consumers that are not closed.
    private(set) var consumers: [Consumer] = []
    /// Those that can take a message, by turn.
    private var turns: [Int] = []

    mutating func publish(_ number: Int) {
        self.ready.append(Entry(number: number))
        self.deliver()
    }

    mutating func consume(_ name: Int, prefetch: Int) {
        self.consumers.append(Consumer(name: name, prefetch: prefetch))
        self.turns.append(name)
        self.deliver()
    }

    mutating func settle(_ name: Int, _ number: Int, _ acknowledgement: Acknowledgement) {
        guard
            let consumer = self.consumers.firstIndex(where: { $0.name == name }),
            let index = self.consumers[consumer].unsettled.firstIndex(where: { $0.number == number })
        else { return }
        let entry = self.consumers[consumer].unsettled.remove(at: index)
        if !self.consumers[consumer].isCancelled, !self.turns.contains(name) { self.turns.append(name) }
        if acknowledgement == .requeue { self.putBack([entry]) }
        self.deliver()
    }

    mutating func cancel(_ name: Int) {
        self.turns.removeAll { $0 == name }
        guard let consumer = self.consumers.firstIndex(where: { $0.name == name }) else { return }
        self.consumers[consumer].isCancelled = true
    }

    mutating func close(_ name: Int) {
        self.cancel(name)
        guard let consumer = self.consumers.firstIndex(where: { $0.name == name }) else { return }
        self.putBack(self.consumers.remove(at: consumer).unsettled)
        self.deliver()
    }

    private mutating func putBack(_ entries: [Entry]) {
        self.ready += entries.map { Entry(number: $0.number, redelivered: true) }
        self.ready.sort { $0.number < $1.number }
    }

    private mutating func deliver() {
        while let name = self.turns.first, let entry = self.ready.first {
            guard let consumer = self.consumers.firstIndex(where: { $0.name == name }) else { return }
            self.turns.removeFirst()
            self.ready.removeFirst()
            self.consumers[consumer].unsettled.append(entry)
            self.deliveries.append("\(name) gets \(entry.number)\(entry.redelivered ? " again" : "")")
            if self.consumers[consumer].unsettled.count < self.consumers[consumer].prefetch { self.turns.append(name) }
        }
    }
}
