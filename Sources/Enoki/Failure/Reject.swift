/// Thrown by a handler that no further attempt would help: the policy's final step is taken at once.
///
/// ```swift
/// throw Reject(reason: "unknown customer")
/// ```
public struct Reject: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why: it stands in the dead letter and in the log.
    public let reason: String

    /// Gives the message up because of `reason`.
    public init(reason: String) { self.reason = reason }

    /// The reason.
    public var description: String { self.reason }
}
