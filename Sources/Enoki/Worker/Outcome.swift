/// How a call ended.
public enum Outcome: Sendable {
    /// The method returned this value; one that returns nothing gives ``NoReply``.
    case succeeded(any Sendable)
    /// The method, or a hook of a dependency provider, threw.
    case failed(any Error)
    /// The container stopped before the method ended. It is no failure: the message is delivered again.
    case cancelled

    /// The error of a failed call.
    public var error: (any Error)? {
        if case .failed(let error) = self { error } else { nil }
    }
}
