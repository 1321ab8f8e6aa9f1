import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct BindingConformanceTests {
    @Test(arguments: TestBroker.allCases)
    func bindingWhatIsMissingIsAnError(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(exchanges: [Exchange("e", .direct)], queues: [Queue("q")]))
            let source = await expectError(.notFound) {
                try await broker.declare(Topology(bindings: [Binding(from: "none", toQueue: "q")]))
            }
            #expect(source?.message.contains("NOT_FOUND - no exchange 'none' in vhost '") == true)
            let queue = await expectError(.notFound) {
                try await broker.declare(Topology(bindings: [Binding(from: "e", toQueue: "none")]))
            }
            #expect(queue?.message.contains("NOT_FOUND - no queue 'none' in vhost '") == true)
            await expectError(.notFound) {
                try await broker.declare(Topology(bindings: [Binding(from: "e", to: .exchange("none"))]))
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func bindingTwiceIsBindingOnce(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let binding = Binding(from: "e", toQueue: "q", routingKey: "k")
            let topology = Topology(exchanges: [Exchange("e", .direct)], queues: [Queue("q")], bindings: [binding])
            try await broker.declare(topology)
            try await broker.declare(topology)
            try await broker.publish(Message("x"), to: "e", routingKey: "k")
            #expect(try await broker.inspect(queue: "q").messageCount == 1)
            try await broker.unbind(binding)
            try await broker.publish(Message("y"), to: "e", routingKey: "k")
            #expect(try await broker.inspect(queue: "q").messageCount == 1)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func bindingsThatDifferInTheirArgumentsAreTwo(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let one = Binding(from: "e", toQueue: "q", routingKey: "k", arguments: ["n": 1])
            let two = Binding(from: "e", toQueue: "q", routingKey: "k", arguments: ["n": 2])
            try await broker.declare(
                Topology(exchanges: [Exchange("e", .direct)], queues: [Queue("q")], bindings: [one, two])
            )
            try await broker.unbind(one)
            try await broker.publish(Message("x"), to: "e", routingKey: "k")
            try await broker.expectContents(["x"], of: "q")
            try await broker.unbind(two)
            await expectError(.unroutable) {
                try await broker.publish(
                    Message("y"),
                    to: "e",
                    routingKey: "k",
                    options: PublishOptions(mandatory: true)
                )
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func unbindingWhatIsNotThereIsNoError(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(exchanges: [Exchange("e", .direct)], queues: [Queue("q")]))
            try await broker.unbind(Binding(from: "e", toQueue: "q", routingKey: "never"))
            try await broker.unbind(Binding(from: "e", toQueue: "none"))
            try await broker.unbind(Binding(from: "none", toQueue: "q"))
            try await broker.unbind(Binding(from: "e", to: .exchange("none")))
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aHeadersBindingWithAnUnknownMatchIsRefused(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(exchanges: [Exchange("e", .headers)], queues: [Queue("q")]))
            await expectError(.preconditionFailed) {
                let binding = Binding(from: "e", toQueue: "q", arguments: ["x-match": "some"])
                try await broker.declare(Topology(bindings: [binding]))
            }
        }
    }
}
