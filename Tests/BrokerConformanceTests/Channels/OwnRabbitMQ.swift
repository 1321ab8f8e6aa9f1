import EnokiTestSupport
import Testing

/// Gives the cases of a suite a RabbitMQ of their own, which they may restart.
struct OwnRabbitMQ: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await RabbitMQNode.with { node in try await node.asCurrent { try await function() } }
    }
}

extension Trait where Self == OwnRabbitMQ {
    /// A RabbitMQ for this suite alone.
    static var ownRabbitMQ: Self { Self() }
}
