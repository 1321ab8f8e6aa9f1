import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// `queues` as people who deploy meet it: real processes, on RabbitMQ with its HTTP API.
@Suite(.timeLimit(.minutes(5))) struct QueuesCommandTests {
    private static let orphan = "evt-press-published--steady.former"

    /// Runs `body` with a virtual host that has an orphan of the service `steady`, and with the environment that names both.
    private func withOrphan(_ body: ([String: String]) async throws -> Void) async throws {
        try await RabbitMQVirtualHost.withFresh { host in
            let broker = RabbitMQBroker(
                configuration: try RabbitMQConfiguration.patient(uri: host.uri),
                logger: TestBroker.silent
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await broker.run() }
                defer { group.cancelAll() }
                try await broker.declare(
                    Topology(
                        exchanges: [Exchange("press.events", .topic)],
                        queues: [Queue(Self.orphan)],
                        bindings: [Binding(from: "press.events", toQueue: Self.orphan, routingKey: "published")]
                    )
                )
                try await broker.publish(Message("{}"), to: "press.events", routingKey: "published")
            }
            try await body([
                "AMQP_URI": host.uri, "RABBITMQ_MANAGEMENT_URI": try TestEnvironment.managementURI + "/",
            ])
        }
    }

    private func queues(_ environment: [String: String]) async throws -> (ChildProcess.Exit, String, String) {
        try await RunnerFixture.with(["queues", "steady"], environment: environment) { child in
            let exit = try await child.ended()
            return (exit, child.output, child.errors)
        }
    }

    @Test func aQueueThatIsLeftBehindIsNamedAndIsAnError() async throws {
        try await self.withOrphan { environment in
            let (exit, output, errors) = try await self.queues(environment)
            #expect(exit == .status(1))
            let rows = output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(rows.first == "QUEUE READY UNACKED CONSUMERS NOTE")
            #expect(rows.contains("rpc-steady not there yet"))
            #expect(
                rows.contains { $0.hasPrefix("\(Self.orphan) ") && $0.hasSuffix("what press.events has for it") },
                "\(rows)"
            )
            #expect(errors.hasPrefix("fixture: 1 queue was left behind"))
        }
    }

    @Test func aProcessThatStartsNamesIt() async throws {
        try await self.withOrphan { environment in
            try await RunnerFixture.with(["run", "steady"], environment: environment) { child in
                try await eventually("the log names the queue") {
                    child.errors
                } until: { log in
                    log.split(separator: "\n").contains {
                        $0.contains("a queue is left behind") && $0.contains(Self.orphan)
                    }
                }
                child.send(signal: SIGTERM)
                let exit = try await child.ended()
                #expect(exit == .status(0))
            }
        }
    }

    @Test func whereAllIsWellItEndsWith0() async throws {
        try await RabbitMQVirtualHost.withFresh { host in
            let (exit, output, errors) = try await self.queues([
                "AMQP_URI": host.uri, "RABBITMQ_MANAGEMENT_URI": try TestEnvironment.managementURI,
            ])
            #expect(exit == .status(0), "\(errors)")
            #expect(output.contains("rpc-steady"))
        }
    }

    @Test(arguments: [
        ("", "no API", 78, "RABBITMQ_MANAGEMENT_URI is not the URI of an HTTP API"),
        ("amqp://ada:hunter2@127.0.0.1:1", "AMQP", 78, "its scheme must be http or https"),
        ("http://127.0.0.1:1", "no user", 78, "it has no user and password before its host"),
        ("http://ada:hunter2@127.0.0.1:1", "nobody listens", 3, "at http://127.0.0.1:1 does not answer"),
    ])
    func anAPIThatCannotBeAskedIsNamed(uri: String, why: String, status: Int32, text: String) async throws {
        let (exit, _, errors) = try await self.queues(["AMQP_URI": "amqp://localhost", "RABBITMQ_MANAGEMENT_URI": uri])
        #expect(exit == .status(status))
        #expect(errors.contains(text), "\(errors)")
        #expect(!errors.contains("hunter2"))
    }

    @Test func aUserWithoutTheRightIsToldSo() async throws {
        let uri = try TestEnvironment.managementURI.replacing(/\/\/.*@/, with: "//nobody:hunter2@")
        let (exit, _, errors) = try await self.queues(["AMQP_URI": "amqp://localhost", "RABBITMQ_MANAGEMENT_URI": uri])
        #expect(exit == .status(3))
        #expect(errors.contains("401"), "\(errors)")
        #expect(!errors.contains("hunter2"))
    }

    @Test func whatIsNotTheAPIIsToldSo() async throws {
        // RabbitMQ's own page for people: it answers with HTML.
        let uri = try TestEnvironment.managementURI + "/?"
        let (exit, _, errors) = try await self.queues(["AMQP_URI": "amqp://localhost", "RABBITMQ_MANAGEMENT_URI": uri])
        #expect(exit == .status(3))
        #expect(errors.contains("is not RabbitMQ's HTTP API"), "\(errors)")
    }

    @Test func aVirtualHostThatIsNotThereIsNamed() async throws {
        let (exit, _, errors) = try await self.queues([
            "AMQP_URI": "amqp://localhost/nowhere", "RABBITMQ_MANAGEMENT_URI": try TestEnvironment.managementURI,
        ])
        #expect(exit == .status(3))
        #expect(errors.contains("knows no virtual host 'nowhere': AMQP_URI names it"), "\(errors)")
    }

    @Test(arguments: [[:], ["AMQP_URI": "amqp://localhost"]])
    func whatIsMissingIsNamed(environment: [String: String]) async throws {
        let (exit, _, errors) = try await self.queues(environment)
        #expect(exit == .status(78))
        #expect(errors.contains(environment.isEmpty ? "AMQP_URI is not set" : "RABBITMQ_MANAGEMENT_URI is not set"))
    }
}
