import EnokiTestingTraits
import Testing

@Suite struct BrokerKindTests {
    @Test(arguments: BrokerKind.allCases) func servicesRunOnEitherBroker(_ broker: BrokerKind) async throws {
        try await withServices(Door(), Door(), on: broker) { cluster in
            #expect(cluster.broker.address.hasPrefix(broker == .rabbitMQ ? "amqp://" : "in-process"))
            let opened = cluster.expect(Door.self, "open", count: 3)
            let answer: String = try await cluster.rpc("door").knock(times: 3)
            #expect(answer == "who is there?")
            #expect(try await opened.values().map { $0.arguments[0] } == Array(repeating: ["who": "ada"], count: 3))
            let direct: String = try await cluster.entrypoint(Door.self, "knock", instance: 1)(times: 0)
            #expect(direct == answer)
        }
    }

    @Test(arguments: BrokerKind.allCases) func timersObeyTheClockOnEitherBroker(_ broker: BrokerKind) async throws {
        try await withServices(Door(), on: broker) { cluster in
            let closed = cluster.expect(Door.self, "close", count: 2)
            await cluster.clock.advance(by: .seconds(120))
            try await closed.values()
        }
    }

    @Test(arguments: BrokerKind.allCases) func quietIsWhenAllIsDone(_ broker: BrokerKind) async throws {
        try await withServices(Door(), on: broker) { cluster in
            let closed = cluster.expect(Door.self, "close")
            let opened = cluster.expect(Door.self, "open", count: 10)
            let _: String = try await cluster.rpc("door").knock(times: 10)
            // Of what a broker has sent and nobody has read yet the kit does not know.
            if broker == .rabbitMQ { try await opened.values() }
            try await closed.never()
            #expect(cluster.calls.filter { $0.entrypoint == "open" }.count == 10)
        }
    }

    @Test(arguments: BrokerKind.allCases) func aMessageIsTakenOnEitherBroker(_ broker: BrokerKind) async throws {
        try await withServices(Door(), on: broker) { cluster in
            try await cluster.broker.declare(Topology(queues: [Queue("letters")]))
            try await cluster.broker.publish(Message("hello"), to: "", routingKey: "letters")
            #expect(try await cluster.takeMessage(from: "letters")?.body == Message("hello").body)
            #expect(try await cluster.takeMessage(from: "letters") == nil)
        }
    }

    @Test func aFailingWaitOnRabbitMQSaysWhatHappened() async throws {
        let restricted = Restriction(Door.self, to: "knock")
        try await withServices(Door(), restricting: [restricted], on: .rabbitMQ) { cluster in
            let opened = cluster.expect(Door.self, "open", within: .milliseconds(100))
            let _: String = try await cluster.rpc("door").knock(times: 2)
            let error = await #expect(throws: ExpectationError.self) { try await opened.value() }
            #expect(error?.description.contains("1. door.knock on instance 0 succeeded") == true)
            #expect(throws: ExpectationError.self) { _ = try cluster.snapshot() }
        }
    }
}
