public import EnokiInProcess
public import Logging

extension InProcessBroker {
    /// Takes AMQP 0-9-1 clients at a port until `body` ends; then all their connections are closed.
    ///
    /// ```swift
    /// try await broker.listen { port in
    ///     // Any client of RabbitMQ can use port.uri() now.
    /// }
    /// ```
    ///
    /// Where nobody runs the broker yet, it runs as long as it listens, and is closed with the port. One that is to listen at
    /// several ports at once has to be run by somebody.
    ///
    /// - Parameters:
    ///   - address: Where to listen; by default a free port that only this machine reaches.
    ///   - configuration: What to ask of clients, and let them do.
    ///   - faults: What goes wrong on the wire, and when; what goes wrong in the broker, the broker knows.
    ///   - logger: Gets what clients do.
    ///   - body: Is given the port.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; ``AMQPServerError`` when the address cannot be listened on.
    public func listen<Result: Sendable>(
        on address: AMQPAddress = .loopback(),
        configuration: AMQPConfiguration = AMQPConfiguration(),
        faults: WireFaultPlan = .none,
        logger: Logger = .current,
        _ body: (AMQPPort) async throws -> Result
    ) async throws -> Result {
        let server = try AMQPServer(
            brokers: [self],
            on: address,
            configuration: configuration,
            faults: faults,
            logger: logger
        )
        guard !self.isRunning else { return try await server.withPort(body) }
        return try await withThrowingTaskGroup { group in
            group.addTask { try await self.run() }
            defer { group.cancelAll() }
            return try await server.withPort(body)
        }
    }
}
