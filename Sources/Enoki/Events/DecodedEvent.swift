/// An event that was read: the call that it is for, and what a guard knows it by.
struct DecodedEvent: Sendable {
    /// Calls the handler.
    let method: @Sendable () async throws -> Void
    /// Gives its key, where it is not known by its message id.
    var key: (@Sendable () throws -> String)?
}
