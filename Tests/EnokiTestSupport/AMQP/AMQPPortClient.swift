public import EnokiAMQP

/// Makes clients of a port that know nothing but the bytes of AMQP.
public enum AMQPPortClient {
    /// Logs in as `guest` at the port's first virtual host.
    public static func connect(_ port: AMQPPort) async throws -> any AMQPPeerConnection {
        try await WireConnection.open(
            port: UInt16(port.number),
            virtualHost: port.virtualHosts.first ?? "/",
            user: "guest",
            password: "guest"
        )
    }
}
