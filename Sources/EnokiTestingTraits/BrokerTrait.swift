public import EnokiTesting
public import Testing

/// Chooses the broker for the `withServices` of a test, or of all tests of a suite.
///
/// ```swift
/// @Suite(.broker(.rabbitMQ)) struct OrdersOnRabbitMQ {
///     @Test func placingAnOrderChargesIt() async throws {
///         try await withServices(Orders(), Payments()) { cluster in … }
///     }
/// }
/// ```
///
/// A trait of a test counts more than that of its suite. To run one test on both brokers, give it the broker as an argument:
///
/// ```swift
/// @Test(arguments: BrokerKind.allCases) func placingAnOrderChargesIt(on broker: BrokerKind) async throws {
///     try await withServices(Orders(), Payments(), on: broker) { cluster in … }
/// }
/// ```
public struct BrokerTrait: TestTrait, SuiteTrait, TestScoping {
    /// The broker.
    public let broker: BrokerKind

    /// Whether the tests of a suite have the trait too: they do.
    public var isRecursive: Bool { true }

    /// Skips the test where there is no such broker, or lets it fail where there must be one; see `BrokerKind.rabbitMQ`.
    public func prepare(for test: Test) async throws {
        guard !test.isSuite, test.broker == .rabbitMQ, let reason = try TestRabbitMQ.reasonToSkip() else { return }
        try await ConditionTrait.disabled("\(reason)", sourceLocation: test.sourceLocation).prepare(for: test)
    }

    /// Runs a test on the broker.
    public func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await BrokerKind.$current.withValue(self.broker) { try await function() }
    }
}

extension Test {
    /// What its own trait says, or else that of the suite nearest to it.
    fileprivate var broker: BrokerKind? { self.traits.compactMap { $0 as? BrokerTrait }.last?.broker }
}

extension Trait where Self == BrokerTrait {
    /// Runs the services of a test, or of all tests of a suite, on `broker`.
    public static func broker(_ broker: BrokerKind) -> BrokerTrait { BrokerTrait(broker: broker) }
}
