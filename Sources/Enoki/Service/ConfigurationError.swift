/// A service, an entrypoint or a setting that cannot work; found before the first message.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was expected, what was found, what to do.
    public var message: String

    /// An error that says `message`.
    public init(_ message: String) { self.message = message }

    /// The message.
    public var description: String { self.message }
}
