/// The ways in which a call ends without success, as a ``FailurePolicy`` tells them apart.
public enum FailureKind: Sendable, Hashable, CaseIterable {
    /// The method, or a hook of a dependency provider, threw.
    case error
    /// The call took longer than its entrypoint allows.
    case timeout
    /// The container stopped before the call ended. It is no failure: the message goes back to its queue, and the attempt
    /// is not counted.
    case cancelled
    /// What another attempt would not change: a message that cannot be read, a ``Reject``, an error that the policy calls
    /// permanent.
    case permanent
}
