public import EnokiBroker

/// A broker of its own for one test, with any number of connections to it.
public final class BrokerFixture: Sendable {
    /// The first connection; connected.
    public let broker: any Broker
    /// The virtual host, where the broker is RabbitMQ.
    public let virtualHost: RabbitMQVirtualHost?
    private let makeConnection: @Sendable () throws -> any Broker
    private let toRun: AsyncStream<any Broker>.Continuation

    private init(
        _ broker: any Broker,
        virtualHost: RabbitMQVirtualHost?,
        makeConnection: @escaping @Sendable () throws -> any Broker,
        toRun: AsyncStream<any Broker>.Continuation
    ) {
        self.broker = broker
        self.virtualHost = virtualHost
        self.makeConnection = makeConnection
        self.toRun = toRun
    }

    /// Another connection to the same broker; it lives as long as the fixture.
    public func connect() async throws -> any Broker {
        let broker = try self.makeConnection()
        try await self.start(broker)
        return broker
    }

    /// Runs `body` with another connection, which is closed when `body` ends.
    public func withConnection<Result: Sendable>(
        _ body: @escaping @Sendable (any Broker) async throws -> Result
    ) async throws -> Result {
        let broker = try self.makeConnection()
        return try await Self.running({ try await broker.run() }) {
            try await Self.connected(broker)
            return try await body(broker)
        }
    }

    /// Runs `broker`, and `body` with a fixture around it; then closes all connections.
    static func with<Result: Sendable>(
        _ broker: any Broker,
        virtualHost: RabbitMQVirtualHost? = nil,
        makeConnection: @escaping @Sendable () throws -> any Broker,
        body: @escaping @Sendable (BrokerFixture) async throws -> Result
    ) async throws -> Result {
        let (brokers, toRun) = AsyncStream.makeStream(of: (any Broker).self)
        let fixture = BrokerFixture(broker, virtualHost: virtualHost, makeConnection: makeConnection, toRun: toRun)
        return try await Self.running {
            try await withThrowingDiscardingTaskGroup { group in
                for await broker in brokers { group.addTask { try await broker.run() } }
            }
        } while: {
            try await fixture.start(fixture.broker)
            return try await body(fixture)
        }
    }

    private func start(_ broker: any Broker) async throws {
        self.toRun.yield(broker)
        try await Self.connected(broker)
    }

    private static func connected(_ broker: any Broker) async throws {
        try await eventually("\(broker.address) is connected", equals: .connected, within: .seconds(30)) {
            broker.status
        }
    }

    /// Runs `service` until `body` has ended, and cancels it then.
    ///
    /// An error of the service ends the body.
    private static func running<Result: Sendable>(
        _ service: @escaping @Sendable () async throws -> Void,
        while body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                do {
                    try await service()
                } catch is CancellationError {}
                return nil
            }
            group.addTask { try await body() }
            var result: Result?
            while let next = try await group.next() {
                guard let next else { continue }
                result = next
                group.cancelAll()
            }
            guard let result else { throw CancellationError() }
            return result
        }
    }
}
