import ChaosLedger
import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Logging

/// Connections of the driver's own, as a service has them, that say whether a service would be ready.
struct Witness: Sendable {
    let broker: RabbitMQBroker
    private let password: Locked<String>

    /// Runs `body` with a witness that logs in as `user` and consumes a queue of its own.
    static func with<Result: Sendable>(
        _ run: Run,
        user: String,
        password: String,
        _ body: (Witness) async throws -> Result
    ) async throws -> Result {
        let current = Locked(password)
        let uri = "amqp://\(user):\(password)@127.0.0.1:\(try run.node.port)/\(run.host.name)?heartbeat=5"
        let broker = RabbitMQBroker(
            configuration: try RabbitMQConfiguration(uri: uri),
            credentials: { Credentials(user: user, password: Secret(current.withLock { $0 })) },
            logger: Logger(label: "witness") { _ in SwiftLogNoOpLogHandler() }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await broker.run() }
            try await broker.declare(Topology(queues: [Queue("witness")]))
            _ = try await broker.consume("witness", options: ConsumerOptions()) { $0.token.settle(.ack) }
            return try await body(Witness(broker: broker, password: current))
        }
    }

    /// Whether a service with these connections could do its work.
    var isReady: Bool { self.broker.status == .connected }

    /// Logs in with another password from now on.
    func tell(password: String) { self.password.withLock { $0 = password } }
}
