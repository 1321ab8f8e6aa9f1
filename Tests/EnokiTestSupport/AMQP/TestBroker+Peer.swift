import EnokiAMQP
import EnokiInProcess

extension TestBroker {
    /// Runs `body` with a broker that can be driven by channels, in which there is nothing yet and which nobody else uses.
    ///
    /// - Throws: What `body` throws; ``TestEnvironment/Missing`` where RabbitMQ was not started.
    public func withPeer<Result: Sendable>(_ body: (any AMQPPeer) async throws -> Result) async throws -> Result {
        switch self {
        case .inProcess:
            let clock = VirtualClock()
            let broker = InProcessBroker(clock: clock, logger: Self.silent)
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask(executorPreference: clock.executor) { try await broker.run() }
                defer { group.cancelAll() }
                return try await body(InProcessPeer(broker: broker, clock: clock))
            }
        case .amqpPort:
            let broker = InProcessBroker(logger: Self.silent)
            return try await broker.listen(logger: Self.silent) { port in
                try await body(AMQPPortPeer(broker: broker, port: port))
            }
        case .rabbitMQ:
            return try await RabbitMQNode.whileCurrentIsInUse {
                try await RabbitMQVirtualHost.withFresh { try await body(RabbitMQPeer($0)) }
            }
        }
    }
}
