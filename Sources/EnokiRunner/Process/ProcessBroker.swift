import Enoki
import EnokiAMQP

/// The broker of a process with services, and where others join it.
struct ProcessBroker {
    let broker: any Broker
    /// The server of a broker that takes clients.
    var server: AMQPServer?

    /// Takes clients until `body` ends, where it takes any.
    func withPort(_ body: (AMQPPort?) async throws -> Void) async throws {
        guard let server = self.server else { return try await body(nil) }
        try await server.withPort { try await body($0) }
    }
}
