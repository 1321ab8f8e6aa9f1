import Enoki
import EnokiBroker

/// The name of a queue of dead letters, never that of a queue in which messages wait for a handler: nobody is to discard those
/// because of a slip.
struct DeadLetterQueueName: Sendable, Hashable, CustomStringConvertible {
    /// The name.
    let name: String

    /// The queue of messages that came back from a retry and found their queue gone.
    static let lost = DeadLetterQueueName(RetryTopology.lostName)

    private static let suffix = RetryTopology.deadLetterQueue(of: "")

    /// The queue `name` where that is one of dead letters, otherwise the dead letters of the queue `name`.
    init(_ name: String) {
        let isComplete =
            name.hasSameBytes(as: RetryTopology.lostName)
            || name.utf8.reversed().starts(with: Self.suffix.utf8.reversed())
        self.name = isComplete ? name : RetryTopology.deadLetterQueue(of: name)
    }

    /// The queue whose dead letters these are; `nil` for ``lost``.
    var original: String? {
        guard !self.name.hasSameBytes(as: RetryTopology.lostName) else { return nil }
        return String(decoding: self.name.utf8.dropLast(Self.suffix.utf8.count), as: UTF8.self)
    }

    var description: String { self.name }
}
