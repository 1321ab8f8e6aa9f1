/// The running call does not hold the claim to its message, or not in this store: another may have handled the message.
public struct ClaimLost: Error, Sendable, Hashable, CustomStringConvertible {
    /// The database.
    public let path: String

    /// What was expected, and what to do.
    public var description: String {
        "nothing was written to '\(self.path)': the call has no claim to its message there. Its lease ended, or its entrypoint is "
            + "guarded by another store"
    }
}
