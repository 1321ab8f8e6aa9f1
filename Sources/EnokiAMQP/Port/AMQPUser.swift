/// Who may log in at an AMQP port.
public struct AMQPUser: Sendable, Hashable {
    /// The name, compared by its bytes.
    public var name: String
    /// The password, compared by its bytes.
    public var password: String
    /// The virtual hosts that the user may open; `nil`, the default, is all.
    public var virtualHosts: Set<String>?
    /// Whether the user may log in only from the machine that the broker is on, as `guest` with RabbitMQ.
    public var isLoopbackOnly: Bool

    /// A user with a password.
    public init(name: String, password: String, virtualHosts: Set<String>? = nil, isLoopbackOnly: Bool = false) {
        self.name = name
        self.password = password
        self.virtualHosts = virtualHosts
        self.isLoopbackOnly = isLoopbackOnly
    }

    /// `guest` with the password `guest`, from this machine only.
    public static let guest = AMQPUser(name: "guest", password: "guest", isLoopbackOnly: true)
}

extension AMQPUser: CustomStringConvertible, CustomReflectable {
    /// The name alone.
    public var description: String { self.name }

    /// The name alone, so that no dump shows the password.
    public var customMirror: Mirror { Mirror(self, children: ["name": self.name]) }
}
