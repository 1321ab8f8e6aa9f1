import EnokiBroker
import EnokiInProcess
import Logging

/// What a connection needs to know of the port that it came to.
struct ConnectionContext: Sendable {
    let configuration: AMQPConfiguration
    /// The virtual hosts by their names.
    let brokers: [ByteName: InProcessBroker]
    /// Whether the client is on this machine.
    let isLoopback: Bool
    let logger: Logger

    /// The virtual host that a client wants to open, where its user may.
    func broker(
        of virtualHost: String,
        for user: AMQPUser?
    ) throws(ConnectionFailure) -> (broker: InProcessBroker, user: AMQPUser) {
        guard let user, let broker = self.brokers[ByteName(virtualHost)] else {
            throw ConnectionFailure(.notAllowed, "vhost \(virtualHost) not found", method: .connectionOpen)
        }
        guard user.mayOpen(virtualHost) else {
            throw ConnectionFailure(
                .notAllowed,
                "access to vhost '\(virtualHost)' refused for user '\(user.name)'",
                method: .connectionOpen
            )
        }
        return (broker, user)
    }
}

extension AMQPUser {
    fileprivate func mayOpen(_ virtualHost: String) -> Bool {
        self.virtualHosts.map { $0.contains { $0.hasSameBytes(as: virtualHost) } } ?? true
    }
}
