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
}
