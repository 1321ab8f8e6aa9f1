import Foundation

/// A virtual host of the private RabbitMQ, for clients that use channels.
public struct RabbitMQPeer: AMQPPeer {
    private let host: RabbitMQVirtualHost
    private let port: UInt16
    private let user: String
    private let password: String

    /// The peer of `host`.
    public init(_ host: RabbitMQVirtualHost) throws {
        guard let uri = URLComponents(string: host.uri), let port = uri.port.flatMap(UInt16.init(exactly:)),
            let user = uri.user, let password = uri.password
        else { throw URLError(.badURL) }
        self.host = host
        self.port = port
        self.user = user
        self.password = password
    }

    /// Its name.
    public var virtualHost: String { self.host.name }

    /// Connects and logs in.
    public func connect() async throws -> any AMQPPeerConnection {
        try await WireConnection.open(
            port: self.port,
            virtualHost: self.host.name,
            user: self.user,
            password: self.password
        )
    }

    /// Waits: RabbitMQ's clock is the real one.
    public func advance(by duration: Duration) async throws { try await ContinuousClock().sleep(for: duration) }

    /// Restarts the suite's own RabbitMQ.
    public func restart() async throws {
        guard let node = RabbitMQNode.current else {
            throw ConditionNotMet(description: "Only a RabbitMQ of the suite's own is restarted: see RabbitMQNode.")
        }
        try await node.restart()
    }
}
