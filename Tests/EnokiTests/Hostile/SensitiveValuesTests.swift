import Enoki
import EnokiBroker
import EnokiTestSupport
import EnokiTesting
import Foundation
import Testing

/// What is declared sensitive stands in no log, reply or header of a dead letter, however wrong the message is.
@Suite struct SensitiveValuesTests {
    private enum Scheme: String, Codable, Sendable { case visa }

    private struct Card: Decodable, Sendable {
        struct Code: Decodable { var value: Date }
        var number: Int
        var scheme: Scheme
        var codes: [Code]
    }

    private struct Payment: Decodable, Sendable { var card: Card }

    private struct Vault: Microservice {
        static let name = "vault"
        private static let hidden = ["card.number", "card.scheme", "card.codes[0].value", "cards[1]"]

        var entrypoints: [any Entrypoint] {
            RPC("pay", "card", "cards", sensitiveArguments: Self.hidden) { (_: Card, _: [Card]?) in 1 }
            EventHandler("on_paid", of: "bank", "paid", sensitiveArguments: Self.hidden) { (_: Payment) in }
            EventHandler("openly", of: "bank", "shown") { (_: Payment) in }
        }
    }

    /// Cards with a secret where it does not belong.
    private static let cards = [
        #"{"number": "CANARY", "scheme": "visa", "codes": []}"#, #"{"number": 1, "scheme": "CANARY", "codes": []}"#,
        #"{"number": 1, "scheme": {"CANARY": "CANARY"}, "codes": []}"#, #""CANARY""#, #"["CANARY"]"#,
        #"{"number": 1, "scheme": "visa", "codes": [{"value": "CANARY"}]}"#,
        #"{"number": 99999999999999999999, "scheme": "visa", "codes": []}"#,
        #"{"number": 1, "scheme": "visa", "codes": [{"value": {"CANARY": 1}}]}"#,
        #"{"number": 1, "scheme": "visa", "codes": "CANARY"}"#,
        #"{"number": CANARY}"#, #"{"number": "CANARY"#, #"{"number": "CANARY", "number": "CANARY"}"#,
        #"{"number": "\ud800CANARY", "scheme": "visa", "codes": []}"#,
    ]

    private static func isSecret(_ text: String) -> Bool {
        text.contains("CANARY") || text.contains("99999999999999999999")
    }

    @Test func theyStandInNoLogNoReplyAndNoDeadLettersHeader() async throws {
        let log = LogRecorder()
        try await withServices(Vault(), logger: log.logger) { cluster in
            let replies = Collector<Message>()
            try await cluster.broker.declare(
                Topology(
                    queues: [Queue("replies")],
                    bindings: [Binding(from: "nameko-rpc", toQueue: "replies", routingKey: "here")]
                )
            )
            let consumer = try await cluster.broker.consume("replies") { delivery in
                replies.append(delivery.message)
                delivery.token.settle(.ack)
            }
            let properties = BasicProperties(contentType: "application/json", replyTo: "here")
            let good = #"{"number": 1, "scheme": "visa", "codes": []}"#
            var requests = 0
            for card in Self.cards {
                try await cluster.broker.publish(
                    Message(#"{"card": \#(card)}"#, properties: properties),
                    to: "bank.events",
                    routingKey: "paid"
                )
                for body in [
                    #"{"args": [\#(card)], "kwargs": {}}"#, #"{"args": [], "kwargs": {"card": \#(card)}}"#,
                    #"{"args": [\#(good)], "kwargs": {"cards": [\#(good), \#(card)]}}"#,
                ] {
                    requests += 1
                    let request = Message(body, properties: properties)
                    try await cluster.broker.publish(request, to: "nameko-rpc", routingKey: "vault.pay")
                }
            }
            for reply in try await replies.first(requests) {
                let text = String(decoding: reply.body, as: UTF8.self)
                #expect(text.contains("exc_type"))
                #expect(!Self.isSecret(text), "\(text)")
            }
            let dead = "evt-bank-paid--vault.on_paid.dead"
            try await cluster.waitForQueue(dead) { $0.messageCount == Self.cards.count }
            while let letter = try await cluster.takeMessage(from: dead) {
                #expect(!Self.isSecret("\(letter.properties.headers)"), "\(letter.properties.headers)")
                // The message itself is kept as it is.
                #expect(Self.isSecret(String(decoding: letter.body, as: UTF8.self)))
            }
            await consumer.close()
        }
        #expect(log.entries.count > Self.cards.count)
        for entry in log.entries { #expect(!Self.isSecret("\(entry)"), "\(entry)") }
    }

    /// Else the test above would prove nothing.
    @Test func whatIsNotDeclaredSensitiveIsShown() async throws {
        let log = LogRecorder()
        try await withServices(Vault(), logger: log.logger) { cluster in
            let message = Message(
                #"{"card": \#(Self.cards[1])}"#,
                properties: BasicProperties(contentType: "application/json")
            )
            try await cluster.broker.publish(message, to: "bank.events", routingKey: "shown")
            try await cluster.waitForQueue("evt-bank-shown--vault.openly.dead") { $0.messageCount == 1 }
        }
        #expect(log.entries.contains { Self.isSecret("\($0)") })
    }

    @Test func aPathThatCannotBeUnderstoodIsAnErrorAtStart() throws {
        struct Unclear: Microservice {
            static let name = "unclear"
            var entrypoints: [any Entrypoint] { RPC("pay", "card", sensitiveArguments: ["card[x]"]) { (_: String) in } }
        }
        let error = #expect(throws: ConfigurationError.self) {
            try ServiceHost(broker: InProcessBroker(), services: [Unclear()], logger: TestBroker.silent)
        }
        #expect(error?.message.contains("'card[x]'") == true)
    }
}
