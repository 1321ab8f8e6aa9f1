import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct MessageConformanceTests {
    /// Sends a message through a queue and returns what arrives.
    private func roundTrip(
        on kind: TestBroker,
        _ message: Message,
        options: PublishOptions = PublishOptions()
    ) async throws -> Delivery {
        try await kind.withBroker { broker in
            try await broker.declare(
                Topology(
                    exchanges: [Exchange("e", .topic)],
                    queues: [Queue("q")],
                    bindings: [Binding(from: "e", toQueue: "q", routingKey: "#")]
                )
            )
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q") { deliveries.append($0) }
            try await broker.publish(message, to: "e", routingKey: "a.b", options: options)
            let delivery = try await deliveries.first()[0]
            delivery.token.settle(.ack)
            await consumer.close()
            return delivery
        }
    }

    /// A body that is too long for its consumer, published by one who may.
    @Test(arguments: TestBroker.allCases) func aBodyThatIsTooLongForItsConsumerIsNotTaken(on kind: TestBroker)
        async throws
    {
        try await kind.withConnectionsByBodySize { connect in
            let (large, small) = try (connect(300_000), connect(1000))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for broker in [large, small] { group.addTask { try await broker.run() } }
                try await small.declare(Topology(queues: [Queue("q")]))
                let tooLarge = await #expect(throws: BrokerError.self) {
                    try await small.publish(Message(body: [UInt8](repeating: 0, count: 1001)), to: "", routingKey: "q")
                }
                #expect(tooLarge?.code == .invalidArgument)
                var properties = BasicProperties(headers: ["lang": "en"], messageID: "long")
                let long = Message(body: [UInt8](repeating: 0, count: 200_000), properties: properties)
                properties.messageID = "short"
                let short = Message(body: [UInt8](repeating: 0, count: 1000), properties: properties)
                // Who has no use for it does not get it, and its place is free again.
                for message in [long, short] { try await large.publish(message, to: "", routingKey: "q") }
                let deliveries = Collector<Delivery>()
                var options = ConsumerOptions(prefetch: 1)
                let consumer = try await small.consume("q", options: options) { deliveries.append($0) }
                let first = try await deliveries.first()[0]
                #expect(first.message.properties.messageID == "short")
                #expect(first.message.body.count == 1000)
                #expect(first.message.defect == nil)
                first.token.settle(.ack)
                await consumer.close()
                // Who has one gets what is left of it.
                options.takesDefective = true
                try await large.publish(long, to: "", routingKey: "q")
                let letters = Collector<Delivery>()
                let reader = try await small.consume("q", options: options) { letters.append($0) }
                let letter = try await letters.first()[0]
                #expect(letter.message.defect == .bodyTooLarge(size: 200_000, limit: 1000))
                #expect(letter.message.body.isEmpty)
                #expect(letter.message.properties.messageID == "long")
                #expect(letter.message.properties.headers["lang"] == "en")
                letter.token.settle(.ack)
                await reader.close()
                #expect(try await large.inspect(queue: "q").messageCount == 0)
                group.cancelAll()
            }
        }
    }

    @Test(arguments: TestBroker.allCases) func allPropertiesArrive(on kind: TestBroker) async throws {
        let properties = BasicProperties(
            contentType: "application/json",
            contentEncoding: "utf-8",
            headers: ["nameko.call_id_stack": ["a.b.1"], "lang": "en"],
            deliveryMode: .persistent,
            priority: 7,
            correlationID: "correlation",
            replyTo: "reply",
            expiration: .seconds(60),
            messageID: "message",
            timestamp: 1_700_000_000,
            type: "order.placed",
            userID: "guest",
            appID: "app",
            clusterID: "cluster"
        )
        let delivery = try await self.roundTrip(on: kind, Message("{}", properties: properties))
        #expect(delivery.message.properties == properties)
        #expect(delivery.exchange == "e")
        #expect(delivery.routingKey == "a.b")
        #expect(!delivery.redelivered)
    }

    @Test(arguments: TestBroker.allCases)
    func absentPropertiesStayAbsentButForTheMessageID(on kind: TestBroker) async throws {
        let delivery = try await self.roundTrip(on: kind, Message("x"))
        let id = delivery.message.properties.messageID
        #expect(id?.isEmpty == false)
        #expect(delivery.message.properties == BasicProperties(messageID: id))
    }

    @Test(arguments: TestBroker.allCases) func emptyPropertiesStayEmpty(on kind: TestBroker) async throws {
        let properties = BasicProperties(contentType: "", correlationID: "", replyTo: "", messageID: "", type: "")
        let delivery = try await self.roundTrip(on: kind, Message("x", properties: properties))
        #expect(delivery.message.properties == properties)
    }

    @Test(arguments: TestBroker.allCases) func optionsOfPublishBecomeProperties(on kind: TestBroker) async throws {
        let options = PublishOptions(persistent: true, expiration: .milliseconds(12_345), priority: 3)
        let message = Message("x", properties: BasicProperties(messageID: "m"))
        let delivery = try await self.roundTrip(on: kind, message, options: options)
        let expected = BasicProperties(
            deliveryMode: .persistent,
            priority: 3,
            expiration: .milliseconds(12_345),
            messageID: "m"
        )
        #expect(delivery.message.properties == expected)
    }

    @Test(
        arguments: TestBroker.allCases,
        [
            .bool(true), .bool(false), .int8(.min), .uint8(.max), .int16(.min), .uint16(.max), .int32(.min),
            .uint32(.max),
            .int64(.min), .uint64(.max), .float(1.5), .double(-0.1), .decimal(scale: 2, value: 12345),
            .string("naïve 日本 🦊"),
            .string(""), .bytes([0, 255, 128]), .bytes([]), .array([1, "two", [3.5, .void]]), .array([]),
            .timestamp(1_700_000_000), .table(["a": 1, "b": ["c": "d"]]), .table([:]), .void,
        ] as [FieldValue]
    )
    func headersOfEveryKindArrive(on kind: TestBroker, value: FieldValue) async throws {
        let properties = BasicProperties(headers: ["value": value, "after": "x"])
        let delivery = try await self.roundTrip(on: kind, Message("x", properties: properties))
        #expect(delivery.message.properties.headers == properties.headers)
    }

    @Test(arguments: TestBroker.allCases) func headersKeepTheirNamesByteForByte(on kind: TestBroker) async throws {
        let headers: Headers = ["\u{e9}": 1, "\u{65}\u{301}": 2, "": 3, "日本": 4]
        let delivery = try await self.roundTrip(on: kind, Message("x", properties: BasicProperties(headers: headers)))
        #expect(delivery.message.properties.headers["\u{e9}"] == 1)
        #expect(delivery.message.properties.headers["\u{65}\u{301}"] == 2)
        #expect(delivery.message.properties.headers[""] == 3)
        #expect(delivery.message.properties.headers["日本"] == 4)
        #expect(delivery.message.properties.headers.count == 4)
    }

    @Test(arguments: TestBroker.allCases, [0, 1, 131_063, 131_064, 131_065, 5_000_000])
    func bodiesOfAllSizesArrive(on kind: TestBroker, size: Int) async throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let delivery = try await self.roundTrip(on: kind, Message(body: body))
        #expect(delivery.message.body == body)
    }
}
