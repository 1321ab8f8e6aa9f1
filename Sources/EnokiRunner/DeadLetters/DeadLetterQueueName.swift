import Enoki
import EnokiBroker

/// The name of a queue of dead letters, never that of a queue in which messages wait for a handler: nobody is to discard those
/// because of a slip.
struct DeadLetterQueueName: Sendable, Hashable, CustomStringConvertible {
    /// The name.
    let name: String

    /// The queue of messages that came back from a retry and found their queue gone.
    static let lost = DeadLetterQueueName(RetryTopology.lostName)

    /// The queue `name` where that is one of dead letters, otherwise the dead letters of the queue `name`.
    init(_ name: String) {
        self.name = Self.isComplete(name) ? name : RetryTopology.deadLetterQueue(of: name)
    }

    private static func isComplete(_ name: String) -> Bool {
        name.hasSameBytes(as: RetryTopology.lostName)
            || name.utf8.reversed().starts(with: RetryTopology.deadLetterSuffix.utf8.reversed())
    }

    /// Why no letter of this queue is replayed to `destination`; `nil` where it may be.
    func refusal(of destination: String) -> String? {
        // Somebody may handle dead letters, and have dead letters of his own.
        if let original = self.original, original.hasSameBytes(as: destination) { return nil }
        guard Self.isComplete(destination) else { return nil }
        return
            "'\(Redaction.redacted(destination))' is for dead letters, and a replay would take from them why they were given "
            + "up and where they came from: name the queue of a handler"
    }

    /// The queue whose dead letters these are; `nil` for ``lost``.
    var original: String? {
        guard !self.name.hasSameBytes(as: RetryTopology.lostName) else { return nil }
        return String(decoding: self.name.utf8.dropLast(RetryTopology.deadLetterSuffix.utf8.count), as: UTF8.self)
    }

    var description: String { self.name }
}
