/// How a message is published. Names and defaults are those of nameko's publishers where it has them.
public struct PublishOptions: Sendable, Hashable {
    /// Whether a message that reaches no queue is an error (``BrokerError/Code/unroutable``) instead of being dropped.
    public var mandatory: Bool
    /// Whether the broker keeps the message over its own restart; `nil` leaves the message's delivery mode.
    public var persistent: Bool?
    /// How long the message may wait in a queue; `nil` leaves the message's own.
    public var expiration: Duration?
    /// The priority; `nil` leaves the message's own.
    public var priority: UInt8?
    /// How long publishing may take in all, waiting for a connection and for the broker's confirm included, and sending the
    /// message again when the connection was lost before that.
    public var timeout: Duration

    /// Options; by default not mandatory, properties as the message has them, 30 seconds.
    public init(
        mandatory: Bool = false,
        persistent: Bool? = nil,
        expiration: Duration? = nil,
        priority: UInt8? = nil,
        timeout: Duration = .seconds(30)
    ) {
        self.mandatory = mandatory
        self.persistent = persistent
        self.expiration = expiration
        self.priority = priority
        self.timeout = timeout
    }

    /// Sets on `message` the properties that these options name.
    package func apply(to message: inout Message) {
        if let persistent = self.persistent {
            message.properties.deliveryMode = persistent ? .persistent : .transient
        }
        if let expiration = self.expiration { message.properties.expiration = expiration }
        if let priority = self.priority { message.properties.priority = priority }
    }
}
