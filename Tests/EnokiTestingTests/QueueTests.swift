import EnokiTesting
import Testing

@Suite struct QueueTests {
    @Test func aTestLooksIntoQueuesAndTakesMessages() async throws {
        try await withServices(Shop.Payments()) { cluster in
            try await cluster.broker.declare(
                Topology(
                    queues: [Queue("copies")],
                    bindings: [Binding(from: "orders.events", toQueue: "copies", routingKey: "#")]
                )
            )
            for customer in ["ada", "bob"] { try await cluster.dispatch(Shop.OrderPlaced(customer: customer)) }
            #expect(try cluster.snapshot()[queue: "copies"]?.ready.count == 2)
            let first = try #require(try await cluster.takeMessage(from: "copies"))
            #expect(String(decoding: first.body, as: UTF8.self) == #"{"customer":"ada"}"#)
            #expect(try await cluster.takeMessage(from: "copies") != nil)
            #expect(try await cluster.takeMessage(from: "copies") == nil)
            await #expect(throws: BrokerError.self) { try await cluster.takeMessage(from: "none") }
        }
    }
}
