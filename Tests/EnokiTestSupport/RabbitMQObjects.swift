/// A queue as RabbitMQ's HTTP API shows it.
public struct ObservedQueue: Sendable, Hashable, Decodable {
    /// The name.
    public let name: String
    /// Whether it survives a restart; RabbitMQ says no of an exclusive queue, however it was declared.
    public let durable: Bool
    /// Whether one connection has it for itself.
    public let exclusive: Bool
    /// Whether it goes with its last consumer.
    public let autoDelete: Bool
    /// Its arguments, the values as text: `["x-expires": "300000"]`.
    public let arguments: [String: ArgumentText]
    /// How many messages are ready.
    public let messagesReady: Int
    /// How many messages were delivered and not yet acknowledged.
    public let messagesUnacknowledged: Int
}

/// An exchange as RabbitMQ's HTTP API shows it.
public struct ObservedExchange: Sendable, Hashable, Decodable {
    /// The name.
    public let name: String
    /// `direct`, `topic`, `fanout` or `headers`.
    public let type: String
    /// Whether it survives a restart.
    public let durable: Bool
    /// Whether it goes with its last binding.
    public let autoDelete: Bool
    /// Whether only other exchanges may publish to it.
    public let `internal`: Bool
    /// Its arguments, the values as text.
    public let arguments: [String: ArgumentText]
}

/// A binding as RabbitMQ's HTTP API shows it.
public struct ObservedBinding: Sendable, Hashable, Decodable {
    /// The exchange.
    public let source: String
    /// The queue or exchange that it routes to.
    public let destination: String
    /// `queue` or `exchange`.
    public let destinationType: String
    /// The binding key.
    public let routingKey: String
    /// Its arguments, the values as text.
    public let arguments: [String: ArgumentText]
}

/// A consumer as RabbitMQ's HTTP API shows it.
public struct ObservedConsumer: Sendable, Hashable, Decodable {
    private struct QueueName: Hashable, Decodable, Sendable { let name: String }

    private let queue: QueueName
    /// The queue's name.
    public var queueName: String { self.queue.name }
    /// The consumer's tag.
    public let consumerTag: String
    /// How many deliveries it may have unsettled; 0 is any number.
    public let prefetchCount: Int
    /// Whether it is the queue's only consumer by its own wish.
    public let exclusive: Bool
    /// Whether it acknowledges.
    public let ackRequired: Bool
}

/// A connection as RabbitMQ's HTTP API shows it.
public struct ObservedConnection: Sendable, Hashable, Decodable {
    /// What the client said of itself.
    public struct ClientProperties: Sendable, Hashable, Decodable {
        /// The name that the client gave to the connection.
        public let connectionName: String?
        /// The client library.
        public let product: String?
    }

    /// The broker's name for it, `127.0.0.1:4711 -> 127.0.0.1:5672`.
    public let name: String
    /// Whether it uses TLS; absent in the first moments.
    public let ssl: Bool?
    /// The subject of the client's certificate, if it sent one.
    public let peerCertSubject: String?
    /// The heartbeat agreed on, in seconds.
    public let timeout: Int?
    /// What the client said of itself.
    public let clientProperties: ClientProperties?
}

/// The value of an argument, as text: `300000`, `true`, `reject-publish`.
public struct ArgumentText: Sendable, Hashable, Decodable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The text.
    public let description: String

    /// The text itself.
    public init(stringLiteral text: String) { self.description = text }

    /// The text of a JSON scalar.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self.description = "\(value)"
        } else if let value = try? container.decode(Int.self) {
            self.description = "\(value)"
        } else {
            self.description = try container.decode(String.self)
        }
    }
}
