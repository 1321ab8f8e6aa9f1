/// Why an AMQP server does not start.
public struct AMQPServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was expected, what was found, and what to do.
    public let description: String

    init(_ description: String) { self.description = description }
}
