import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ExistingTopologyConformanceTests {
    @Test(arguments: TestBroker.allCases)
    func whatExistsOtherwiseIsUsedAndTheRestIsDeclared(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(
                Topology(exchanges: [Exchange("e", .topic)], queues: [Queue("q", arguments: ["x-max-length": 7])])
            )
            let differences = try await broker.declareOrUse(
                Topology(
                    exchanges: [Exchange("e", .topic, durable: false)],
                    queues: [Queue("p"), Queue("q"), Queue("r")],
                    bindings: ["p", "q", "r"].map { Binding(from: "e", toQueue: $0, routingKey: "k") }
                )
            )
            #expect(differences.map(\.entity) == ["exchange 'e'", "queue 'q'"])
            #expect(differences.map(\.argument) == ["durable", "x-max-length"])
            try await broker.publish(Message("x"), to: "e", routingKey: "k", options: PublishOptions(mandatory: true))
            for queue in ["p", "q", "r"] {
                #expect(try await broker.inspect(queue: queue).messageCount == 1)
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whatIsNewOrTheSameIsNoDifference(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let topology = Topology(exchanges: [Exchange("e", .topic)], queues: [Queue("q")])
            let differences = try await broker.declareOrUse(topology) + broker.declareOrUse(topology)
            #expect(differences.isEmpty)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func anExchangeOfAnotherTypeIsAnErrorAllTheSame(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(exchanges: [Exchange("e", .topic)]))
            let error = await expectError(.preconditionFailed) {
                _ = try await broker.declareOrUse(Topology(exchanges: [Exchange("e", .fanout)]))
            }
            #expect(error?.inequivalentArgument?.argument == "type")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whatTheBrokerRefusesForAnotherReasonIsAnError(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let error = await expectError(.preconditionFailed) {
                _ = try await broker.declareOrUse(Topology(queues: [Queue("q", arguments: ["x-max-length": -1])]))
            }
            #expect(error?.inequivalentArgument == nil)
        }
    }
}
