/// No service of that name has ever run on this broker: nothing is bound where its requests would go.
public struct UnknownService: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name that was called.
    public let service: String

    /// No service `service`.
    public init(_ service: String) { self.service = service }

    /// nameko's words.
    public var description: String { "Unknown service `\(self.service)`" }
}
