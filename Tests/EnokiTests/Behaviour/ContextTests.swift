import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// What a call hands on to the calls and events that it causes.
@Suite struct ContextTests {
    private struct First: Microservice {
        static let name = "first"
        let second = RPCProxy("second")
        var entrypoints: [any Entrypoint] { RPC("relay") { () async throws -> [String] in try await second.relay() } }
    }

    private struct Second: Microservice {
        static let name = "second"
        let events = EventDispatcher()
        var entrypoints: [any Entrypoint] {
            RPC("relay", method: relay)
        }
        func relay() async throws -> [String] {
            try await self.events.dispatch("relayed", true)
            return WorkerContext.current?.callIDStack ?? []
        }
    }

    private struct Third: Microservice {
        static let name = "third"
        var entrypoints: [any Entrypoint] { EventHandler("on_relayed", of: "second", "relayed") { (_: Bool) in } }
    }

    @Test(arguments: TestBroker.allCases) func theCallIDStackGrowsFromCallToCallAndAcrossEvents(_ broker: TestBroker)
        async throws
    {
        try await withServices(First(), Second(), Third(), on: broker) { cluster in
            let relayed = cluster.expect(Third.self, "on_relayed")
            let stack: [String] = try await cluster.rpc("first").relay()
            try #require(stack.count == 3)
            #expect(stack[0].hasPrefix("client.call."))
            #expect(stack[1].hasPrefix("first.relay."))
            #expect(stack[2].hasPrefix("second.relay."))

            let context = try await relayed.value().context
            #expect(context.callIDStack == stack + [context.callID])
            #expect(context.originCallID == stack[0])
            #expect(context.immediateParentCallID == stack[2])
        }
    }

    @Test(arguments: TestBroker.allCases) func contextDataReachesWhatACallCauses(_ broker: TestBroker) async throws {
        try await withServices(First(), Second(), Third(), on: broker) { cluster in
            let relayed = cluster.expect(Third.self, "on_relayed")
            let properties = BasicProperties(
                contentType: "application/json",
                headers: ["nameko.user_id": 7, "nameko.language": "en", "plain": true]
            )
            let request = Message(#"{"args": [], "kwargs": {}}"#, properties: properties)
            try await cluster.broker.publish(request, to: "nameko-rpc", routingKey: "first.relay")
            let data = try await relayed.value().context.contextData
            #expect(data == ["user_id": 7, "language": "en", "plain": true])
        }
    }

    @Test func theStackKeepsTheLastParents() async throws {
        var settings = ServiceSettings()
        settings.parentCallsTracked = 1
        try await withServices(First(), Second(), Third(), settings: settings) { cluster in
            let relayed = cluster.expect(Third.self, "on_relayed")
            let stack: [String] = try await cluster.rpc("first").relay()
            #expect(stack.count == 2)
            #expect(stack[0].hasPrefix("first.relay."))
            #expect(try await relayed.value().context.callIDStack.count == 2)
        }
    }

    @Test func thereIsNoContextOutsideOfAWorker() { #expect(WorkerContext.current == nil) }
}
