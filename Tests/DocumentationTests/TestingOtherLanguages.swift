// The code of Docs/TestingOtherLanguages.md; it tests the services of Samples/Polyglot, in Swift and in Python.

import EnokiAMQP
import EnokiRabbitMQ
import EnokiTestSupport
import EnokiTesting
import Foundation
import Testing

@testable import polyglot

@Suite struct TestingOtherLanguagesGuide {
    typealias Orders = polyglot.Orders
    typealias OrderPlaced = polyglot.OrderPlaced

    /// Runs a nameko service of the sample at a broker, as long as `body` takes.
    private func nameko(_ service: String, at uri: String, _ body: () async throws -> Void) async throws {
        try await ChildProcess.with(
            try TestEnvironment.pythonPolyglot,
            ["-m", "nameko", "run", service, "--broker", uri],
            environment: ["PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"],
            directory: Repository().root.appending(path: "Samples/Polyglot/tests").path(),
            stopSignal: SIGKILL  // nameko takes seconds to stop in good order.
        ) { _ in try await body() }
    }

    /// Publishes a message from outside: through a socket, by a client of its own.
    private func publish(_ text: String, to queue: String, at uri: String) async throws {
        let client = RabbitMQBroker(configuration: try RabbitMQConfiguration(uri: uri), logger: TestBroker.silent)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            try await client.publish(Message(text), to: "", routingKey: queue)
            group.cancelAll()
        }
    }

    @Test func anOrderIsChargedInPython() async throws {
        try await withServices(Orders(), patience: .seconds(30)) { cluster in
            try await cluster.server().listen { port in
                try await nameko("payments", at: port.uri()) {
                    try await cluster.waitForQueue("rpc-payments") { $0.consumerCount > 0 }
                    let receipt: Int = try await cluster.rpc("orders").place(customer: "Ada", sku: "teapot")
                    #expect(receipt == 1020)
                }
            }
        }
    }

    @Test func aBrokerAlone() async throws {
        let broker = InProcessBroker()
        try await broker.listen { port in
            try await broker.declare(Topology(queues: [Queue("work")]))
            try await publish("hello", to: "work", at: port.uri())
            #expect(broker.snapshot()[queue: "work"]?.ready.count == 1)
        }
    }

    @Test func time() async throws {
        try await withServices(Orders()) { cluster in
            let later = Queue(
                "later",
                arguments: ["x-message-ttl": 60_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "now"]
            )
            try await cluster.broker.declare(Topology(queues: [later, Queue("now")]))
            try await cluster.server().listen { port in
                async let published: Void = publish("hello", to: "later", at: port.uri())

                try await cluster.waitForQueue("later") { $0.messageCount == 1 }
                await cluster.clock.advance(by: .seconds(60))
                #expect(try cluster.snapshot()[queue: "now"]?.ready.count == 1)

                try await published
            }
        }
    }

    @Test func whatAnOperatorDoes() async throws {
        try await withServices(Orders(), patience: .seconds(30)) { cluster in
            try await cluster.server().listen { port in
                try await nameko("payments", at: port.uri()) {
                    try await cluster.waitForQueue("rpc-payments") { $0.consumerCount > 0 }

                    try cluster.server().dropConnections(because: "maintenance")
                    try await cluster.waitForQueue("rpc-payments") { $0.consumerCount > 0 }
                    let receipt: Int = try await cluster.rpc("orders").place(customer: "Ada", sku: "cup")
                    #expect(receipt == 1005)
                }
            }
        }
    }

    @Test func whatGoesWrongOnTheWire() async throws {
        try await withServices(Orders(), patience: .seconds(30)) { cluster in
            let faults: WireFaultPlan = [.reset(before: .sends(.basicDeliver))]
            try await cluster.server().listen(faults: faults) { port in
                try await nameko("payments", at: port.uri()) {
                    try await cluster.waitForQueue("rpc-payments") { $0.consumerCount > 0 }
                    let receipt: Int = try await cluster.rpc("orders").place(customer: "Ada", sku: "cup")
                    #expect(receipt == 1005)
                    #expect(port.faults == [.reset(before: .sends(.basicDeliver))])
                }
            }
        }
    }

    @Test func usersAndVirtualHosts() async throws {
        let ada = AMQPUser(name: "ada", password: "secret", virtualHosts: ["shop"])
        var configuration = AMQPConfiguration()
        configuration.users = [ada, .guest]
        configuration.heartbeat = .seconds(5)

        let shop = InProcessBroker(virtualHost: "shop")
        try await shop.listen(configuration: configuration) { port in
            #expect(port.uri(user: ada) == "amqp://ada:secret@127.0.0.1:\(port.number)/shop")
        }
    }
}
