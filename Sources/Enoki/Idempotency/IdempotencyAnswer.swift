/// What a store answers to who wants to work on a message.
public enum IdempotencyAnswer: Sendable, Hashable {
    /// Go ahead: nobody has done it, and nobody else works on it.
    case begun
    /// Another works on it; its claim ends after that time, unless it is renewed.
    case claimed(remaining: Duration)
    /// It is done.
    case done
}
