/// How a call ended.
public enum Outcome: Sendable {
    /// The method returned this value; one that returns nothing gives ``NoReply``.
    case succeeded(any Sendable)
    /// The method, or a hook of a dependency provider, threw.
    case failed(any Error)
    /// The call took longer than its entrypoint allows. It was cancelled, and counts as failed whatever it returned or threw
    /// after that.
    case timedOut(HandlerTimeout)
    /// The container stopped before the method ended. It is no failure: the message is delivered again.
    case cancelled

    /// The error of a call that failed or timed out.
    public var error: (any Error)? {
        switch self {
        case .failed(let error): error
        case .timedOut(let error): error
        case .succeeded, .cancelled: nil
        }
    }
}
