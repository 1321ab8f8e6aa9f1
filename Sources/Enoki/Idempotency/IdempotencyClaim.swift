/// The right to work on a message, which one worker has at a time.
public struct IdempotencyClaim: Sendable, Hashable {
    /// The message.
    public let key: IdempotencyKey
    /// Tells the claim from any other, of this message too: 128 random bits as 32 hexadecimal digits.
    public let token: String
    /// How long the message is remembered once it is done.
    public let window: Duration

    /// The claim of the running call, for stores that note it as done together with what the handler writes; `nil` in a call
    /// that no guard is around, and in that of a message without an id.
    @TaskLocal public static var current: IdempotencyClaim?

    /// A new claim to `key`.
    public init(_ key: IdempotencyKey, for window: Duration) {
        self.key = key
        self.token = MessageIDs.randomPrefix()
        self.window = window
    }
}
