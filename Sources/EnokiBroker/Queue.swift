/// A queue as it is declared.
public struct Queue: Sendable, Hashable {
    /// The name, at most 255 bytes.
    public var name: String
    /// Whether it survives a restart of the broker.
    public var durable: Bool
    /// Whether only the connection that declared it may use it; it goes when that connection does.
    public var exclusive: Bool
    /// Whether it goes when its last consumer does; one that never had a consumer stays.
    public var autoDelete: Bool
    /// Extensions, such as `x-expires`, `x-message-ttl` or `x-max-length`.
    public var arguments: Headers

    /// A queue; durable unless said otherwise, as nameko's are.
    public init(
        _ name: String,
        durable: Bool = true,
        exclusive: Bool = false,
        autoDelete: Bool = false,
        arguments: Headers = [:]
    ) {
        self.name = name
        self.durable = durable
        self.exclusive = exclusive
        self.autoDelete = autoDelete
        self.arguments = arguments
    }
}

/// What a broker says of a queue that exists (the reply to a passive `queue.declare`).
public struct QueueStatus: Sendable, Hashable {
    /// The name.
    public var name: String
    /// How many messages are ready to be delivered; those delivered and not yet acknowledged do not count.
    public var messageCount: Int
    /// How many consumers it has.
    public var consumerCount: Int

    /// A status.
    public init(name: String, messageCount: Int, consumerCount: Int) {
        self.name = name
        self.messageCount = messageCount
        self.consumerCount = consumerCount
    }
}
