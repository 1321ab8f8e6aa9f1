import Enoki
import EnokiInProcess
import EnokiRabbitMQ
import Logging

/// The broker that a process is to use.
enum BrokerChoice: Sendable {
    /// One inside the process, gone with it.
    case embedded
    /// RabbitMQ.
    case rabbitMQ(RabbitMQConfiguration)

    /// The broker at `uri`; the embedded one when there is no URI.
    ///
    /// - Throws: `BrokerError` for a URI that cannot be understood; `ConfigurationError` for an empty one, most likely a
    ///   variable that was not set: whoever gives an address does not want messages to stay inside the process.
    init(uri: String?) throws {
        guard let uri else {
            self = .embedded
            return
        }
        guard !uri.isEmpty else {
            throw ConfigurationError(
                "AMQP_URI is empty: give an address, or leave it out to run on the embedded broker"
            )
        }
        self = .rabbitMQ(try RabbitMQConfiguration(uri: uri))
    }

    /// Makes the broker.
    ///
    /// - Parameters:
    ///   - name: What the broker's management shows for the connections.
    ///   - failFast: Whether it gives up when the first connection does not succeed.
    func makeBroker(name: String, failFast: Bool, logger: Logger) -> any Broker {
        switch self {
        case .embedded:
            return InProcessBroker(clock: ContinuousClock(), logger: logger)
        case .rabbitMQ(var configuration):
            configuration.connectionName = name
            configuration.failFast = failFast
            return RabbitMQBroker(configuration: configuration, logger: logger)
        }
    }
}
