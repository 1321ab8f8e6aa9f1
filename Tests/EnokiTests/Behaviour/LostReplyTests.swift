import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// Replies that cannot be published.
@Suite struct LostReplyTests {
    private struct Bank: Microservice {
        static let name = "bank"
        let entered = Shelf<Bool>()
        let gate = Latch()

        var entrypoints: [any Entrypoint] {
            RPC("pay") {
                entered.put(true)
                await gate.wait()
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aMethodWhoseReplyTheBrokerRefusesIsNotRunAgain(_ broker: TestBroker) async throws {
        try await broker.withConnections { connect in
            let bank = Bank()
            try await withServices(bank, connect: connect) { cluster in
                let paid = cluster.expect(Bank.self, "pay")
                let properties = BasicProperties(contentType: "application/json", replyTo: "nobody")
                let request = Message(#"{"args": [], "kwargs": {}}"#, properties: properties)
                try await cluster.broker.publish(request, to: "nameko-rpc", routingKey: "bank.pay")
                try await eventually("the method runs", equals: 1) { bank.entered.elements.count }
                try await cluster.broker.delete(exchange: "nameko-rpc")
                bank.gate.open()
                try await paid.value()
            }
            try await withServices(connect: connect) { cluster in
                let status = try await cluster.broker.inspect(queue: "rpc-bank")
                #expect(status.messageCount == 0)
            }
            #expect(bank.entered.elements.count == 1)
        }
    }
}
