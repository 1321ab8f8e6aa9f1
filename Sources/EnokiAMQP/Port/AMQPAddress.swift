/// Where an AMQP port listens.
public struct AMQPAddress: Sendable, Hashable {
    /// The name or number of the interface.
    public var host: String
    /// The number of the port; 0 is one that is free.
    public var port: Int

    /// An address; `0.0.0.0` and `::` are all interfaces of the machine.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// A port of `127.0.0.1`, which only programs on this machine reach.
    public static func loopback(port: Int = 0) -> AMQPAddress { AMQPAddress(host: "127.0.0.1", port: port) }
}

extension AMQPAddress: CustomStringConvertible {
    /// The address in the form `host:port`.
    public var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}
