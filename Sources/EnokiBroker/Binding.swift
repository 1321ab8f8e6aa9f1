/// A rule by which an exchange routes messages to a queue or to another exchange.
public struct Binding: Sendable, Hashable {
    /// Where messages go.
    public enum Destination: Sendable, Hashable {
        /// The queue of that name.
        case queue(String)
        /// The exchange of that name (RabbitMQ's extension `exchange.bind`).
        case exchange(String)
    }

    /// The name of the exchange that routes.
    public var source: String
    /// Where it routes to.
    public var destination: Destination
    /// The binding key: for a topic exchange a pattern.
    public var routingKey: String
    /// Extensions; a headers exchange matches by them.
    public var arguments: Headers

    /// A binding from exchange `source` to `destination`.
    public init(from source: String, to destination: Destination, routingKey: String = "", arguments: Headers = [:]) {
        self.source = source
        self.destination = destination
        self.routingKey = routingKey
        self.arguments = arguments
    }

    /// A binding from exchange `source` to the queue named `queue`.
    public init(from source: String, toQueue queue: String, routingKey: String = "", arguments: Headers = [:]) {
        self.init(from: source, to: .queue(queue), routingKey: routingKey, arguments: arguments)
    }
}
