import DequeModule
import HeapModule

/// The messages of a queue that wait for a consumer, in the order of their positions.
///
/// Appending and taking the first cost the same whatever the length; putting one back costs the logarithm of how many
/// were put back and not taken again.
struct ReadyMessages: Sendable {
    private var arrived = Deque<QueuedMessage>()
    private var returned = Heap<QueuedMessage>()

    var count: Int { self.arrived.count + self.returned.count }
    var isEmpty: Bool { self.arrived.isEmpty && self.returned.isEmpty }

    var first: QueuedMessage? {
        guard let returned = self.returned.min else { return self.arrived.first }
        guard let arrived = self.arrived.first else { return returned }
        return min(arrived, returned)
    }

    /// All messages, in order.
    var all: [QueuedMessage] { (self.arrived.map(\.self) + self.returned.unordered).sorted() }

    /// Adds a message behind all that ever came.
    mutating func append(_ message: QueuedMessage) { self.arrived.append(message) }

    /// Puts a message back at its position.
    mutating func putBack(_ message: QueuedMessage) { self.returned.insert(message) }

    mutating func popFirst() -> QueuedMessage? {
        guard let returned = self.returned.min else { return self.arrived.popFirst() }
        guard let arrived = self.arrived.first, arrived < returned else { return self.returned.popMin() }
        return self.arrived.popFirst()
    }
}
