public import EnokiBroker
import EnokiInProcess
import EnokiRabbitMQ
public import Logging

extension TestBroker {
    /// Runs `body` with what makes connections to such a broker, and what ends all of them at once, without a word; they are
    /// made again.
    public func withFragileConnections<Result: Sendable>(
        logger: Logger = Self.silent,
        _ body: (
            _ connect: @escaping @Sendable () throws -> any Broker,
            _ cut: @escaping @Sendable () -> Void
        ) async throws -> Result
    ) async throws -> Result {
        switch self {
        case .inProcess:
            return try await Self.withServer(logger) { server in
                try await body({ server.connect(name: "fragile") }, { server.dropConnections(named: "fragile") })
            }
        case .amqpPort, .rabbitMQ:
            return try await self.withURI(logger: logger) { uri in
                var configuration = try RabbitMQConfiguration.patient(uri: uri)
                let proxy = try FaultProxy(to: configuration.endpoints[0])
                try proxy.listen()
                defer { proxy.stop() }
                configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
                configuration.reconnect = ReconnectBackoff(initial: .milliseconds(10), maximum: .milliseconds(100))
                return try await body(
                    { [configuration] in RabbitMQBroker(configuration: configuration, logger: logger) },
                    { proxy.cut() }
                )
            }
        }
    }

    /// Runs `body` with what makes connections to such a broker, which other processes can reach, and what lets it say nothing more
    /// on them, though it takes what is sent. A call on them waits for ten minutes.
    public func withMutableConnections<Result: Sendable>(
        logger: Logger = Self.silent,
        _ body: (
            _ connect: @escaping @Sendable () throws -> any Broker,
            _ mute: @escaping @Sendable () -> Void
        ) async throws -> Result
    ) async throws -> Result {
        try await self.withURI(logger: logger) { uri in
            var configuration = try RabbitMQConfiguration(uri: uri)
            let proxy = try FaultProxy(to: configuration.endpoints[0])
            try proxy.listen()
            defer { proxy.stop() }
            configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
            configuration.heartbeat = .seconds(600)
            configuration.callTimeout = .seconds(600)
            return try await body(
                { [configuration] in RabbitMQBroker(configuration: configuration, logger: logger) },
                { proxy.muteBroker(true) }
            )
        }
    }
}
