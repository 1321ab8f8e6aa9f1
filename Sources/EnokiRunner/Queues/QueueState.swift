/// A queue of a virtual host, as RabbitMQ's HTTP API shows it (`/api/queues/<vhost>`).
struct QueueState: Decodable, Sendable, Hashable {
    /// The arguments that count here.
    struct Arguments: Decodable, Sendable, Hashable {
        /// After how many milliseconds without a consumer it goes.
        var expires: Int?

        enum CodingKeys: String, CodingKey { case expires = "x-expires" }
    }

    /// The name.
    var name: String
    /// How many messages wait in it.
    var ready: Int?
    /// How many are in somebody's hands.
    var unacknowledged: Int?
    /// How many consumers it has.
    var consumers: Int?
    /// Whether it goes with its last consumer.
    var autoDelete: Bool?
    /// Whether it goes with its connection.
    var exclusive: Bool?
    /// Its arguments.
    var arguments: Arguments?

    // As they are after the conversion from snake case.
    enum CodingKeys: String, CodingKey {
        case name, consumers, autoDelete, exclusive, arguments
        case ready = "messagesReady"
        case unacknowledged = "messagesUnacknowledged"
    }

    /// Whether it goes by itself when nobody consumes it any more.
    var goesByItself: Bool { self.autoDelete == true || self.exclusive == true || self.arguments?.expires != nil }

    /// How many messages are in it.
    var messages: Int { (self.ready ?? 0) + (self.unacknowledged ?? 0) }
}

/// From which exchange a queue gets messages (`/api/bindings/<vhost>`).
struct BindingState: Decodable, Sendable, Hashable {
    /// The exchange; empty for the default exchange, which is bound to every queue.
    var source: String
    /// The queue or the exchange.
    var destination: String
    /// `queue` or `exchange`.
    var destinationType: String
}
