public import EnokiTesting
import Testing

extension BrokerKind {
    /// A real RabbitMQ, with a virtual host of its own for each `withServices`.
    ///
    /// The environment says where it is:
    ///
    /// - `ENOKI_TEST_AMQP_URI`: the broker, such as `amqp://guest:guest@localhost`.
    /// - `ENOKI_TEST_MANAGEMENT_URI`: its HTTP API, with a user who may make virtual hosts; by default
    ///   `http://user:password@host:15672`, with what the broker's URI says.
    ///
    /// Without the first a test is skipped; where `CI` is set it fails. At most eight tests use it at once.
    ///
    /// The time of the broker is real: `Cluster.clock` moves the services' timers and deadlines, not the expiry of messages
    /// and queues. `Cluster.snapshot()` is not to be had, and `Cluster.waitUntilQuiet()` judges by looking.
    public static let rabbitMQ = BrokerKind("RabbitMQ") { order, body in
        guard order.faults == .none else {
            throw ConfigurationError(
                "a fault plan is for the in-process broker, RabbitMQ knows none: leave `faults` out"
            )
        }
        do {
            try await TestRabbitMQ().serve(logger: order.logger, body)
        } catch let absence as BrokerUnavailable where !absence.isRequired {
            guard let test = Test.current else { throw absence }
            // Of a single case Swift Testing would not show why it was cancelled.
            if Test.Case.current?.isParameterized == true {
                Issue.record("\(absence)", severity: .warning, sourceLocation: test.sourceLocation)
            }
            try Test.cancel("\(absence)")
        }
    }
}

extension BrokerKind: CaseIterable {
    /// Both brokers: `@Test(arguments: BrokerKind.allCases)`.
    public static var allCases: [BrokerKind] { [.inProcess, .rabbitMQ] }
}
