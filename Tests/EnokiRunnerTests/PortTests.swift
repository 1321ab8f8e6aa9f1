import EnokiAMQP
import EnokiRabbitMQ
import EnokiTestSupport
import Foundation
import Testing

@testable import Enoki

/// The port that `broker` and `run --listen` open, as clients and process managers meet it.
@Suite struct PortTests {
    /// The programs that have the command.
    static let programs = ["enoki", "runner-fixture"]

    private func started(
        _ program: String,
        _ arguments: String...,
        environment: [String: String] = [:],
        _ body: (_ child: ChildProcess, _ address: String) async throws -> Void
    ) async throws {
        try await ChildProcess.with(BuiltExecutable.path(program), arguments, environment: environment) { child in
            let output = try await eventually("it says where it listens") {
                child.output + child.errors
            } until: {
                $0.contains(/listens on amqp:.*\n/)
            }
            // The first line, and the only one.
            let line = try #require(child.output.wholeMatch(of: /listens on amqp:\/\/(.*:\d+)\n/), "\(output)")
            try await body(child, String(line.1))
        }
    }

    private func client<Result>(
        _ uri: String,
        _ body: (any Broker) async throws -> Result
    ) async throws -> Result {
        var configuration = try RabbitMQConfiguration(uri: uri)
        configuration.failFast = true
        let broker = RabbitMQBroker(configuration: configuration, logger: TestBroker.silent)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await broker.run() }
            defer { group.cancelAll() }
            do {
                return try await body(broker)
            } catch let error as BrokerError where error.code == .closed {
                // Why it is, says who runs it.
                try await group.waitForAll()
                throw error
            }
        }
    }

    @Test(arguments: programs, [SIGTERM, SIGINT])
    func aBrokerTakesClientsAndStopsAtASignal(_ program: String, _ signal: Int32) async throws {
        try await started(program, "broker", "--listen", "127.0.0.1:0") { child, address in
            try await client("amqp://guest:guest@\(address)/") { broker in
                try await broker.declare(Topology(queues: [Queue("work")]))
                try await broker.publish(Message("hello"), to: "", routingKey: "work")
                let deliveries = Collector<Delivery>()
                _ = try await broker.consume("work") { deliveries.append($0) }
                let bodies = try await deliveries.first().map(\.message.body)
                #expect(bodies == [Array("hello".utf8)])
                child.send(signal: signal)
                let exit = try await child.ended()
                #expect(exit == .status(0))
            }
        }
    }

    @Test func aPortThatIsTakenIsAnErrorThatSaysWhich() async throws {
        try await started("enoki", "broker", "--listen", "0") { _, address in
            for arguments in [["broker"], ["run", "steady"]] {
                try await RunnerFixture.with(arguments + ["--listen", address]) { child in
                    let exit = try await child.ended()
                    #expect(exit == .status(1))
                    #expect(child.errors.contains("fixture: cannot listen on \(address)"))
                    #expect(child.errors.contains("is the port in use?"))
                    #expect(child.output.isEmpty)
                }
            }
        }
    }

    @Test func onlyTheUsersThatAreNamedLogIn() async throws {
        let users = ["AMQP_SERVER_USERS": "ada:hunter2", "LOG_LEVEL": "trace"]
        try await started("enoki", "broker", "--listen", "0", environment: users) { child, address in
            try await client("amqp://ada:hunter2@\(address)/") { broker in
                try await broker.declare(Topology(queues: [Queue("work")]))
            }
            for stranger in ["guest:guest", "ada:other"] {
                let error = await #expect(throws: BrokerError.self) {
                    try await client("amqp://\(stranger)@\(address)/") { broker in
                        try await broker.declare(Topology(queues: [Queue("work")]))
                    }
                }
                #expect(error?.code == .loginRefused)
            }
            #expect(!child.errors.contains("hunter2"))
        }
    }

    @Test func optionsCountMoreThanTheEnvironment() async throws {
        let environment = ["AMQP_SERVER_USERS": "bob:other", "AMQP_SERVER_ADDRESS": "127.0.0.1:1"]
        try await started(
            "enoki",
            "broker",
            "--listen",
            "[::1]:0",
            "--user",
            "ada:with, comma",
            "--user",
            "eve:x",
            environment: environment
        ) { _, address in
            #expect(address.hasPrefix("[::1]:"))
            try await client("amqp://ada:with%2C%20comma@\(address)/") { broker in
                try await broker.declare(Topology(queues: [Queue("work")]))
            }
        }
    }

    @Test func eachVirtualHostIsABrokerOfItsOwn() async throws {
        try await started("enoki", "broker", "--listen", "0", "--virtual-host", "a", "--virtual-host", "b") {
            _,
            address in
            try await client("amqp://guest:guest@\(address)/a") { broker in
                try await broker.declare(Topology(queues: [Queue("work")]))
            }
            let missing = await #expect(throws: BrokerError.self) {
                try await client("amqp://guest:guest@\(address)/b") { try await $0.inspect(queue: "work") }
            }
            #expect(missing?.code == .notFound)
            let unknown = await #expect(throws: BrokerError.self) {
                try await client("amqp://guest:guest@\(address)/") { try await $0.inspect(queue: "work") }
            }
            #expect(unknown?.code == .vhostNotFound)
        }
    }

    @Test func aBrokerForClientsIsNotToldOfOnesToConnectTo() async throws {
        // A shell in which services find this broker has its address there.
        let environment = ["AMQP_URI": "amqp://127.0.0.1:1/"]
        try await started("runner-fixture", "broker", "--listen", "0", environment: environment) { child, _ in
            child.send(signal: SIGTERM)
            let exit = try await child.ended()
            #expect(exit == .status(0))
        }
    }

    // MARK: - run --listen

    @Test func whatTheEmbeddedBrokerHoldsAtTheEndIsToldAndGone() async throws {
        try await started("runner-fixture", "run", "steady", "--listen", "0") { child, address in
            try await client("amqp://guest:guest@\(address)/") { broker in
                try await broker.declare(Topology(queues: [Queue("left.dead"), Queue("empty")]))
                for _ in 0..<2 { try await broker.publish(Message("x"), to: "", routingKey: "left.dead") }
            }
            child.send(signal: SIGTERM)
            let exit = try await child.ended()
            #expect(exit == .status(0))
            let line = child.errors.split(separator: "\n").first { $0.contains("what its queues held is gone") }
            #expect(line?.contains("messages=2") == true)
            #expect(line?.contains("queues=\"left.dead (2)\"") == true, "\(child.errors)")
        }
    }

    @Test func othersCallTheServicesOfAProcessOnceItSaysWhere() async throws {
        let environment = ["LOG_LEVEL": "critical"]  // The line is no part of the log.
        try await started("runner-fixture", "run", "steady", "--listen", "0", environment: environment) {
            child,
            address in
            let configuration = try RabbitMQConfiguration(uri: "amqp://guest:guest@\(address)/")
            let broker = RabbitMQBroker(configuration: configuration, logger: TestBroker.silent)
            let host = try ServiceHost(broker: broker, logger: TestBroker.silent)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.run() }
                let answer: String = try await host.rpc("steady", timeout: .seconds(10)).ping()
                #expect(answer == "pong")
                host.stop()
                try await group.waitForAll()
            }
            child.send(signal: SIGTERM)
            let exit = try await child.ended()
            #expect(exit == .status(0))
        }
    }

    @Test func aProcessWhoseServicesDoNotStartSaysNoAddress() async throws {
        try await RunnerFixture.with(["run", "broken", "--listen", "0"]) { child in
            let exit = try await child.ended()
            #expect(exit == .status(1))
            #expect(child.output.isEmpty)
        }
    }
}
