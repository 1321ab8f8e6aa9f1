import Enoki
import EnokiBroker
import EnokiTestSupport
import EnokiTesting
import Testing

/// A thousand messages that cannot be read, among a thousand that can.
@Suite struct MalformedCorpusTests {
    private struct Order: Decodable, Sendable {
        struct Item: Decodable { var sku: String }
        var id: Int
        var qty: UInt
        var price: Double
        var note: String
        var items: [Item]
    }

    private struct Warehouse: Microservice {
        static let name = "warehouse"
        let handled = Collector<Int>()

        var entrypoints: [any Entrypoint] {
            EventHandler("on_order", of: "orders", "placed") { (order: Order) in handled.append(order.id)
            }
            RPC("count", "id", "qty", "price", "note", "items") {
                (_: Int, _: UInt, _: Double, _: String, items: [Order.Item]) in items.count
            }
        }
    }

    private static let queue = "evt-orders-placed--warehouse.on_order"
    private static let seed: UInt64 = 44

    private static let settings = {
        var settings = ServiceSettings()
        settings.limits.bodySize = MalformedMessages.maximumBodySize
        return settings
    }()

    @Test func thereAreManyKinds() {
        #expect(Set(MalformedMessages.kinds.map(\.name)).count == MalformedMessages.kinds.count)
        #expect(MalformedMessages.kinds.count >= 25)
    }

    @Test(
        .bug(
            "https://github.com/goauthentik/authentik/issues/5722",
            "celery, in authentik: a content type that is not allowed ends the worker"
        ),
        .bug(
            "https://github.com/osstotalsoft/nbb/issues/210",
            "NBB: a message that cannot be decoded ends the process"
        ),
        arguments: TestBroker.allCases
    )
    func eachEndsAmongTheDeadLettersForItsReasonAndNoGoodOneIsLost(_ broker: TestBroker) async throws {
        let count = 1000
        let warehouse = Warehouse()
        try await withServices(warehouse, on: broker, settings: Self.settings) { cluster in
            var corpus = MalformedMessages(seed: Self.seed)
            for id in 0..<count {
                try await cluster.broker.publish(
                    corpus.message(id, id: id),
                    to: "orders.events",
                    routingKey: "placed"
                )
                try await cluster.broker.publish(
                    MalformedMessages.good(id),
                    to: "orders.events",
                    routingKey: "placed"
                )
            }
            let handled = try await warehouse.handled.first(count, within: .seconds(60))
            let missing = Set(0..<count).subtracting(handled)
            #expect(missing.isEmpty)
            #expect(handled.count == count)

            let dead = Collector<Message>()
            try await eventually("all dead letters have come", equals: count, within: .seconds(60)) {
                (try? await cluster.broker.inspect(queue: "\(Self.queue).dead").messageCount) ?? 0
            }
            let consumer = try await cluster.broker.consume("\(Self.queue).dead") { delivery in
                dead.append(delivery.message)
                delivery.token.settle(.ack)
            }
            let reasons = Dictionary(
                uniqueKeysWithValues: MalformedMessages.kinds.map { ($0.name, $0.reason) }
            )
            var ids: Set<String> = []
            for message in try await dead.first(count, within: .seconds(60)) {
                let id = try #require(message.properties.messageID)
                ids.insert(id)
                let kind = String(id.prefix { $0 != "/" })
                let headers = message.properties.headers
                #expect(
                    headers["x-enoki-reason"]?.stringValue == reasons[kind],
                    "\(id): \(headers["x-enoki-error"] as Any)"
                )
                #expect(headers["x-enoki-attempts"]?.integerValue == 1, "\(id)")
            }
            #expect(ids.count == count)
            await consumer.close()
            #expect(try await cluster.broker.inspect(queue: Self.queue).messageCount == 0)
            #expect(try await cluster.broker.inspect(queue: Self.queue).consumerCount == 1)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func eachRequestThatCannotBeReadIsAnsweredWithAnError(_ broker: TestBroker) async throws {
        let count = 4 * MalformedMessages.kinds.count
        try await withServices(Warehouse(), on: broker, settings: Self.settings) { cluster in
            let replies = Collector<Message>()
            try await cluster.broker.declare(
                Topology(
                    queues: [Queue("replies")],
                    bindings: [Binding(from: "nameko-rpc", toQueue: "replies", routingKey: "corpus")]
                )
            )
            let consumer = try await cluster.broker.consume("replies") { delivery in
                replies.append(delivery.message)
                delivery.token.settle(.ack)
            }
            var corpus = MalformedMessages(seed: Self.seed)
            for id in 0..<count {
                // What is no order is no request either; one that is whole gets an envelope around it.
                for var message in [corpus.message(id, id: id), MalformedMessages.good(id)] {
                    if message.body.first == UInt8(ascii: "{") {
                        message.body = Array(#"{"args": [], "kwargs": "#.utf8) + message.body + Array("}".utf8)
                    }
                    message.properties.replyTo = "corpus"
                    message.properties.correlationID = message.properties.messageID ?? "good"
                    try await cluster.broker.publish(message, to: "nameko-rpc", routingKey: "warehouse.count")
                }
            }
            var answered: Set<String> = []
            for reply in try await replies.first(2 * count, within: .seconds(60)) {
                let id = try #require(reply.properties.correlationID)
                let text = String(decoding: reply.body, as: UTF8.self)
                if id == "good" {
                    #expect(text.contains(#""result":1"#))
                } else {
                    answered.insert(id)
                    #expect(
                        text.contains("MalformedRequest") || text.contains("IncorrectSignature"),
                        "\(id): \(text)"
                    )
                }
            }
            #expect(answered.count == count)
            await consumer.close()
        }
    }
}
