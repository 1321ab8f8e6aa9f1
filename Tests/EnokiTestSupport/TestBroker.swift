import EnokiAMQP
public import EnokiBroker
import EnokiInProcess
import EnokiRabbitMQ
public import Logging

/// The brokers that a test runs on: `@Test(arguments: TestBroker.allCases)`.
public enum TestBroker: String, CaseIterable, Sendable {
    /// The broker inside the process.
    case inProcess
    /// The same behind its AMQP port, through the transport for RabbitMQ.
    case amqpPort
    /// The private RabbitMQ that `make test` started.
    case rabbitMQ

    /// Runs `body` with a connected broker in which there is nothing yet and which nobody else uses.
    ///
    /// - Throws: What `body` or the broker throws; ``TestEnvironment/Missing`` where RabbitMQ was not started.
    public func withBroker<Result: Sendable>(
        logger: Logger = Self.silent,
        _ body: @escaping @Sendable (any Broker) async throws -> Result
    ) async throws -> Result {
        try await self.withFixture(logger: logger) { try await body($0.broker) }
    }

    /// Runs `body` with such a broker and the means to connect to it more than once and to look into it.
    public func withFixture<Result: Sendable>(
        logger: Logger = Self.silent,
        _ body: @escaping @Sendable (BrokerFixture) async throws -> Result
    ) async throws -> Result {
        switch self {
        case .inProcess:
            let broker = InProcessBroker(logger: logger)
            return try await BrokerFixture.with(broker, makeConnection: { broker.connect(name: "another") }, body: body)
        case .amqpPort:
            return try await InProcessBroker(logger: logger).listen(logger: logger) { port in
                let configuration = try RabbitMQConfiguration.patient(uri: port.uri())
                let connect = { @Sendable in RabbitMQBroker(configuration: configuration, logger: logger) }
                return try await BrokerFixture.with(connect(), makeConnection: connect, body: body)
            }
        case .rabbitMQ:
            return try await RabbitMQVirtualHost.withFresh { host in
                let configuration = try RabbitMQConfiguration.patient(uri: host.uri)
                let connect = { @Sendable in RabbitMQBroker(configuration: configuration, logger: logger) }
                return try await BrokerFixture.with(
                    connect(),
                    virtualHost: host,
                    makeConnection: connect,
                    body: body
                )
            }
        }
    }

    /// Runs `body` with what makes connections to such a broker; whoever makes a connection runs it.
    public func withConnections<Result: Sendable>(
        logger: Logger = Self.silent,
        _ body: (_ connect: @escaping @Sendable () throws -> any Broker) async throws -> Result
    ) async throws -> Result {
        switch self {
        case .inProcess:
            return try await Self.withServer(logger) { server in try await body { server.connect(name: "test") } }
        case .amqpPort:
            return try await InProcessBroker(logger: logger).listen(logger: logger) { port in
                let configuration = try RabbitMQConfiguration.patient(uri: port.uri())
                return try await body { RabbitMQBroker(configuration: configuration, logger: logger) }
            }
        case .rabbitMQ:
            return try await RabbitMQVirtualHost.withFresh { host in
                let configuration = try RabbitMQConfiguration.patient(uri: host.uri)
                return try await body { RabbitMQBroker(configuration: configuration, logger: logger) }
            }
        }
    }

    /// Runs `body` with what makes connections that take bodies of up to so many bytes; whoever makes a connection runs it.
    public func withConnectionsByBodySize<Result: Sendable>(
        _ body: (_ connect: @escaping @Sendable (_ maxBodySize: Int) throws -> any Broker) async throws -> Result
    ) async throws -> Result {
        func transport(_ uri: String) throws -> @Sendable (Int) -> any Broker {
            let configuration = try RabbitMQConfiguration.patient(uri: uri)
            return { size in
                var configuration = configuration
                configuration.maxBodySize = size
                return RabbitMQBroker(configuration: configuration, logger: Self.silent)
            }
        }
        switch self {
        case .inProcess:
            return try await Self.withServer(Self.silent) { server in
                try await body { server.connect(name: "test", maxBodySize: $0) }
            }
        case .amqpPort:
            return try await InProcessBroker(logger: Self.silent).listen(logger: Self.silent) { port in
                try await body(transport(port.uri()))
            }
        case .rabbitMQ:
            return try await RabbitMQVirtualHost.withFresh { host in try await body(transport(host.uri)) }
        }
    }

    /// Runs an in-process broker around `body`.
    static func withServer<Result: Sendable>(
        _ logger: Logger,
        _ body: (InProcessBroker) async throws -> Result
    ) async throws -> Result {
        let server = InProcessBroker(clock: ContinuousClock(), logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            return try await body(server)
        }
    }

    /// The brokers that other processes can reach.
    public static let reachable: [TestBroker] = [.amqpPort, .rabbitMQ]

    /// Runs `body` with the URI of such a broker, for other processes.
    public func withURI<Result: Sendable>(
        logger: Logger = Self.silent,
        _ body: (String) async throws -> Result
    ) async throws -> Result {
        switch self {
        case .inProcess: throw NotReachable()
        case .amqpPort: try await InProcessBroker(logger: logger).listen(logger: logger) { try await body($0.uri()) }
        case .rabbitMQ: try await RabbitMQVirtualHost.withFresh { try await body($0.uri) }
        }
    }

    /// The broker is one that no other process can reach.
    public struct NotReachable: Error {}

    /// A logger that logs nothing.
    public static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
