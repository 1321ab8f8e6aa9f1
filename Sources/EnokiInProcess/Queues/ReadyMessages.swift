import DequeModule
import HeapModule

/// The messages of a queue that wait for a consumer: those of a higher priority first, and in the order of their positions
/// within one.
///
/// Appending and taking the first cost the same whatever the length; putting one back costs the logarithm of how many
/// were put back and not taken again.
struct ReadyMessages: Sendable {
    private struct Level: Sendable {
        var arrived = Deque<QueuedMessage>()
        var returned = Heap<QueuedMessage>()

        var count: Int { self.arrived.count + self.returned.count }

        var first: QueuedMessage? {
            guard let returned = self.returned.min else { return self.arrived.first }
            guard let arrived = self.arrived.first else { return returned }
            return min(arrived, returned)
        }

        mutating func popFirst() -> QueuedMessage? {
            guard let returned = self.returned.min else { return self.arrived.popFirst() }
            guard let arrived = self.arrived.first, arrived < returned else { return self.returned.popMin() }
            return self.arrived.popFirst()
        }
    }

    /// By priority; a level that no message has had yet may be missing.
    private var levels = [Level()]
    private(set) var count = 0
    /// The size of all bodies together.
    private(set) var byteCount = 0

    var isEmpty: Bool { self.count == 0 }

    /// The next message to leave.
    var first: QueuedMessage? {
        guard !self.isEmpty else { return nil }
        return self.levels.lazy.reversed().compactMap(\.first).first
    }

    /// All messages, in order.
    var all: [QueuedMessage] {
        self.levels.reversed().flatMap { ($0.arrived.map(\.self) + $0.returned.unordered).sorted() }
    }

    /// Adds a message behind all of its priority that ever came.
    mutating func append(_ message: QueuedMessage) {
        self.levels[self.level(of: message)].arrived.append(message)
        self.count += 1
        self.byteCount += message.bodySize
    }

    /// Puts a message back at its position.
    mutating func putBack(_ message: QueuedMessage) {
        self.levels[self.level(of: message)].returned.insert(message)
        self.count += 1
        self.byteCount += message.bodySize
    }

    mutating func popFirst() -> QueuedMessage? {
        guard
            !self.isEmpty,
            let level = self.levels.indices.last(where: { self.levels[$0].count > 0 }),
            let message = self.levels[level].popFirst()
        else { return nil }
        self.count -= 1
        self.byteCount -= message.bodySize
        return message
    }

    /// Drops all messages that are not persistent.
    mutating func keepPersistent() {
        let kept = self.all.filter(\.published.isPersistent)
        self = ReadyMessages()
        for message in kept.sorted() { self.append(message) }
    }

    private mutating func level(of message: QueuedMessage) -> Int {
        let level = Int(message.priority)
        while self.levels.count <= level { self.levels.append(Level()) }
        return level
    }
}
