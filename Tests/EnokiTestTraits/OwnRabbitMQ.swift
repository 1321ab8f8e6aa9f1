import EnokiTestSupport
public import Testing

/// Gives the tests of a suite, all together, a RabbitMQ that they can hurt: `RabbitMQNode.current`.
public struct OwnRabbitMQ: SuiteTrait, TestScoping {
    /// Starts it before the first test and stops it after the last.
    @concurrent public func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await RabbitMQNode.with { node in try await node.asCurrent { try await function() } }
    }
}

extension Trait where Self == OwnRabbitMQ {
    /// A RabbitMQ for the suite alone.
    public static var ownRabbitMQ: Self { Self() }
}
