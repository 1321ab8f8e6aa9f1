import EnokiBroker
import EnokiTestSupport
import EnokiTesting
import Testing

@testable import Enoki

@Suite struct ReplyAddressTests {
    @Test(arguments: [
        uuid4(), uuid4Hex(), "0", "my-replies", "*", "#", "é", String(repeating: "x", count: 255),
    ])
    func aWordIsAnAddress(_ text: String) {
        #expect(ReplyAddress(text)?.routingKey == text)
    }

    @Test(arguments: [
        "", "payments.charge", ".", "payments.", "amq.rabbitmq.reply-to", "amq.rabbitmq.reply-to.g1hkABBmYWtl.x==",
        "a\r\nb", "a\u{0}", "\u{7F}", String(repeating: "x", count: 256),
    ])
    func whatCouldGoElsewhereIsNone(_ text: String) {
        #expect(ReplyAddress(text) == nil)
    }

    @Test func noAddressMatchesTheBindingOfAService() {
        // The binding has two words, an address has one: by the rules of a topic exchange they never match.
        let binding = RPCTopology.requests(to: "payments", ServiceSettings()).bindings[0]
        #expect(binding.routingKey.split(separator: ".").count == 2)
        #expect(ReplyAddress(RPCTopology.routingKey(service: "payments", method: "charge")) == nil)
    }

    private struct Victim: Microservice {
        static let name = "victim"
        var entrypoints: [any Entrypoint] { RPC("pay") {} }
    }

    /// The last one, sent on by who replies through the default exchange, makes RabbitMQ close that connection.
    @Test(
        arguments: TestBroker.allCases,
        [
            "victim.pay", "calculator.add", "victim.*", "amq.rabbitmq.reply-to.g1hkABBmYWtl.x==",
        ]
    )
    func aForgedAddressReachesNobody(_ broker: TestBroker, _ replyTo: String) async throws {
        let recorder = LogRecorder()
        try await broker.withConnections(logger: recorder.logger) { connect in
            try await withServices(Calculator(), Victim(), connect: connect) { cluster in
                let properties = BasicProperties(contentType: "application/json", replyTo: replyTo)
                for body in [#"{"args": [1, 2], "kwargs": {}}"#, "{"] {
                    let request = Message(body, properties: properties)
                    try await cluster.broker.publish(request, to: "nameko-rpc", routingKey: "calculator.add")
                }
                let sum: Int = try await cluster.rpc("calculator").add(a: 1, b: 2)
                #expect(sum == 3)
                try await eventually("the requests are done with") {
                    try await cluster.broker.inspect(queue: "rpc-calculator").messageCount == 0
                }
                #expect(cluster.calls.count { $0.entrypoint == "pay" } == 0)
                #expect(cluster.calls.count { $0.entrypoint == "add" } == 1)
            }
        }
        #expect(!recorder.entries.contains { $0.message.contains("lost") })
    }

    /// What the address would do: the fact that the rule rests on.
    @Test func rabbitMQClosesTheConnectionOfWhoRepliesToAForgedDirectAddress() async throws {
        try await TestBroker.rabbitMQ.withWirePeer { peer in
            let session = RawSession(peer)
            let client = try await session.connect()
            client.send(.message("reply", key: "amq.rabbitmq.reply-to.g1hkABBmYWtl.x=="))
            #expect(try await client.next().hasPrefix("0 connection.close 541"))
            try await session.finish()
        }
    }
}
