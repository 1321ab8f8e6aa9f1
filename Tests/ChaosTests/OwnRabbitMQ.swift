import EnokiTestSupport
import Testing

/// Gives the tests of a suite, all together, a RabbitMQ that they can hurt: `RabbitMQNode.current`.
struct OwnRabbitMQ: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await RabbitMQNode.with { node in try await node.asCurrent { try await function() } }
    }
}

extension Trait where Self == OwnRabbitMQ {
    /// A RabbitMQ for the suite alone.
    static var ownRabbitMQ: Self { Self() }
}
