/// What an ``IdempotencyStore`` knows a message by: the queue that it came from, who sent it, and its id.
///
/// Keys are compared by the bytes of their parts: to Swift `é` in one scalar and in two are the same string, to whoever sent
/// them they are two ids.
public struct IdempotencyKey: Sendable, CustomStringConvertible {
    /// The queue that the message was consumed from. Each handler has its own, and so remembers for itself.
    public let queue: String
    /// The user whom the broker has found to be the sender (`user_id`); empty where the sender did not say who it is.
    ///
    /// It is part of the key so that nobody can use up the id of a message that another user will send.
    public let sender: String
    /// The message id, or what the handler takes for it; at most ``maximumSize`` bytes.
    public let id: String

    /// The longest id, in bytes of UTF-8.
    public static let maximumSize = 1024

    /// The key of message `id` of `sender` in `queue`.
    public init(queue: String, sender: String, id: String) {
        self.queue = queue
        self.sender = sender
        self.id = id
    }

    /// The queue alone: the id may be a value of the message.
    public var description: String { "a message of queue '\(self.queue)'" }
}

extension IdempotencyKey: Hashable {
    /// Compares the bytes.
    public static func == (left: Self, right: Self) -> Bool {
        left.id.hasSameBytes(as: right.id) && left.sender.hasSameBytes(as: right.sender)
            && left.queue.hasSameBytes(as: right.queue)
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ByteName(self.id))
        hasher.combine(ByteName(self.sender))
        hasher.combine(ByteName(self.queue))
    }
}
