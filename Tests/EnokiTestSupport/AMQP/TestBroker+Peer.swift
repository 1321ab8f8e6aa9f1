extension TestBroker {
    /// The brokers whose channels can be driven.
    public static let withChannels: [TestBroker] = [.rabbitMQ]

    /// Runs `body` with a broker that can be driven by channels, in which there is nothing yet and which nobody else uses.
    ///
    /// - Throws: What `body` throws; ``TestEnvironment/Missing`` where RabbitMQ was not started.
    public func withPeer<Result>(_ body: (any AMQPPeer) async throws -> Result) async throws -> Result {
        switch self {
        case .inProcess: throw ConditionNotMet(description: "The in-process broker has no channels yet.")
        case .rabbitMQ: try await RabbitMQVirtualHost.withFresh { try await body(RabbitMQPeer($0)) }
        }
    }
}
