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
    /// Those whose turn comes when there is a message, and those that were found at their limit.
    private var turns: [Int] = []
    private var blocked: Set<Int> = []

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
        if self.blocked.remove(name) != nil { self.turns.append(name) }
        if acknowledgement == .requeue { self.putBack([entry]) }
        self.deliver()
    }

    mutating func cancel(_ name: Int) {
        self.turns.removeAll { $0 == name }
        self.blocked.remove(name)
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
        while !self.ready.isEmpty, let name = self.turns.first {
            self.turns.removeFirst()
            guard let consumer = self.consumers.firstIndex(where: { $0.name == name }) else { return }
            guard self.consumers[consumer].unsettled.count < self.consumers[consumer].prefetch else {
                self.blocked.insert(name)
                continue
            }
            let entry = self.ready.removeFirst()
            self.consumers[consumer].unsettled.append(entry)
            self.deliveries.append("\(name) gets \(entry.number)\(entry.redelivered ? " again" : "")")
            self.turns.append(name)
        }
    }
}
