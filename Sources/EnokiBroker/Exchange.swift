/// An exchange as it is declared.
public struct Exchange: Sendable, Hashable {
    /// How an exchange routes. Brokers may know more kinds than the four that AMQP names.
    public struct Kind: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
        /// The name of the type on the wire.
        public let rawValue: String

        /// A kind by its name on the wire.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Routes to the bindings whose key is the routing key.
        public static let direct = Kind(rawValue: "direct")
        /// Routes by patterns: `*` is one word, `#` any number of words.
        public static let topic = Kind(rawValue: "topic")
        /// Routes to all bindings.
        public static let fanout = Kind(rawValue: "fanout")
        /// Routes by the message's headers.
        public static let headers = Kind(rawValue: "headers")

        /// The name on the wire.
        public var description: String { self.rawValue }
    }

    /// The name, at most 255 bytes. Empty is the default exchange, which needs no declaration.
    public var name: String
    /// How it routes.
    public var kind: Kind
    /// Whether it survives a restart of the broker.
    public var durable: Bool
    /// Whether it goes when its last binding does.
    public var autoDelete: Bool
    /// Whether only other exchanges may publish to it.
    public var isInternal: Bool
    /// Extensions, such as `alternate-exchange`.
    public var arguments: Headers

    /// An exchange; durable unless said otherwise, as nameko's are.
    public init(
        _ name: String,
        _ kind: Kind,
        durable: Bool = true,
        autoDelete: Bool = false,
        isInternal: Bool = false,
        arguments: Headers = [:]
    ) {
        self.name = name
        self.kind = kind
        self.durable = durable
        self.autoDelete = autoDelete
        self.isInternal = isInternal
        self.arguments = arguments
    }

    /// The name of the default exchange, to which every queue is bound under its own name.
    public static let defaultName = ""
}
