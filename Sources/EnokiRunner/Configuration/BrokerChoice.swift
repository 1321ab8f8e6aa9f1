import Configuration
import Enoki
import EnokiInProcess
import EnokiRabbitMQ
import Logging

/// The broker that a process with services is to use.
enum BrokerChoice: Sendable {
    /// One inside the process, gone with it; with a port where others are to join. Its services take bodies up to so many bytes.
    case embedded(port: PortConfiguration?, maxBodySize: Int)
    /// RabbitMQ.
    case rabbitMQ(RabbitMQConfiguration)

    /// The broker at `AMQP_URI`; the embedded one when there is no URI.
    ///
    /// - Parameter limits: What is read of a message. A body that is longer, but no longer than a transport takes by itself,
    ///   is kept in its dead letter.
    /// - Throws: `BrokerError` for a URI that cannot be understood; `ConfigurationError` for an empty one, most likely a
    ///   variable that was not set: whoever gives an address does not want messages to stay inside the process.
    init(_ reader: ConfigReader, limits: MessageLimits) async throws {
        let uri = try await reader.fetchString(forKey: ProcessSetting.amqpURI.key, isSecret: true)
        let listens = try await reader.fetchString(forKey: ProcessSetting.portAddress.key) != nil
        guard let uri else {
            let port = listens ? try await Self.port(reader) : nil
            self = .embedded(port: port, maxBodySize: max(limits.bodySize, WireLimits.bodySize))
            return
        }
        guard !uri.isEmpty else {
            throw ConfigurationError(
                "AMQP_URI is empty: give an address, or leave it out to run on the embedded broker"
            )
        }
        guard !listens else {
            throw ConfigurationError(
                "--listen (AMQP_SERVER_ADDRESS) opens a port of the embedded broker, and --broker (AMQP_URI) names another "
                    + "one: leave one of them out"
            )
        }
        var configuration = try RabbitMQConfiguration(uri: uri)
        configuration.maxBodySize = max(limits.bodySize, configuration.maxBodySize)
        self = .rabbitMQ(configuration)
    }

    private static func port(_ reader: ConfigReader) async throws -> PortConfiguration {
        let port = try await PortConfiguration(reader)
        guard port.virtualHosts.count == 1 else {
            throw ConfigurationError(
                "AMQP_SERVER_VIRTUAL_HOSTS has \(port.virtualHosts.count) names, and services run on one virtual host: give "
                    + "one, or start a broker of its own with `broker`"
            )
        }
        return port
    }

    /// Makes the broker.
    ///
    /// - Parameters:
    ///   - name: What the broker's management shows for the connections.
    ///   - failFast: Whether it gives up when the first connection does not succeed.
    ///   - settings: Reads the settings anew, for a password that was changed.
    func makeBroker(
        name: String,
        failFast: Bool,
        settings: @escaping @Sendable () throws -> ConfigReader,
        logger: Logger
    ) throws -> ProcessBroker {
        switch self {
        case .embedded(let port, let maxBodySize):
            let broker = InProcessBroker(
                virtualHost: port?.virtualHosts.first ?? "/",
                clock: ContinuousClock(),
                maxBodySize: maxBodySize,
                logger: logger
            )
            .tellsWhatIsLost(logger)
            return ProcessBroker(broker: broker, server: try port?.server(for: [broker], logger: logger))
        case .rabbitMQ(var configuration):
            configuration.connectionName = name
            configuration.failFast = failFast
            let broker = RabbitMQBroker(
                configuration: configuration,
                credentials: { Self.credentials(in: settings) },
                logger: logger
            )
            return ProcessBroker(broker: broker)
        }
    }

    /// User and password as the settings are now; `nil` where they cannot be read, as in the middle of a change.
    private static func credentials(in settings: () throws -> ConfigReader) -> Credentials? {
        guard let uri = try? settings().string(forKey: ProcessSetting.amqpURI.key, isSecret: true),
            let configuration = try? RabbitMQConfiguration(uri: uri)
        else { return nil }
        return Credentials(user: configuration.user, password: configuration.password)
    }
}
