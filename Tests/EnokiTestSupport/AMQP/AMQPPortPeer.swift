import EnokiAMQP
import EnokiInProcess

/// The in-process broker behind its AMQP port, for clients that use channels.
struct AMQPPortPeer: AMQPPeer {
    let broker: InProcessBroker
    let port: AMQPPort

    /// As in the broker's error texts.
    var virtualHost: String { "/" }

    func connect() async throws -> any AMQPPeerConnection {
        try await WireConnection.open(
            port: UInt16(self.port.number),
            virtualHost: "/",
            user: "guest",
            password: "guest"
        )
    }

    /// Waits. Virtual time would pass before what was sent has arrived.
    func advance(by duration: Duration) async throws { try await ContinuousClock().sleep(for: duration) }

    func restart() async throws { self.broker.restart() }
}
