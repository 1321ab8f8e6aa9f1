import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct GetCases {
    @Test func getTakesTheOldestAndCountsTheRest() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("x", .fanout))
            try await channel.declare(Queue("q"))
            try await channel.bind("q", to: "x")
            try await channel.publish("1", "2", "3", to: "x", key: "k")
            try await channel.expectReady(3, in: "q")
            let first = try await channel.get("q")
            #expect(first?.delivery.text == "1" && first?.remaining == 2)
            #expect(first?.delivery.exchange == "x" && first?.delivery.routingKey == "k")
            #expect(try await channel.get("q")?.remaining == 1)
            #expect(try await channel.get("q")?.remaining == 0)
            #expect(try await channel.get("q") == nil)
        }
    }

    @Test func getOfAnEmptyQueueTakesNothing() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            #expect(try await channel.get("q") == nil)
            #expect(try await channel.get("q", noAck: true) == nil)
        }
    }

    @Test func getWithoutAcknowledgementTakesForGood() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            #expect(try await channel.get("q", noAck: true)?.delivery.deliveryTag == 1)
            #expect(try await channel.get("q")?.delivery.deliveryTag == 2)
            let text = "channel 406 PRECONDITION_FAILED - unknown delivery tag 1"
            #expect(try await channel.refusal(of: .basicAck(1)) == text)
            #expect(try await session.contents(of: "q", count: 1) == ["2 again"])
        }
    }

    @Test func whatWasGotAndRequeuedIsRedelivered() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1")
            #expect(try await channel.get("q")?.delivery.redelivered == false)
            try await channel.reject(1, requeue: true)
            try await channel.expectReady(1, in: "q")
            #expect(try await channel.get("q")?.delivery.redelivered == true)
        }
    }

    @Test func whatIsUnacknowledgedIsNotCounted() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.get("q")
            #expect(try await channel.declare(Queue("q"), passive: true).messageCount == 2)
            #expect(try await channel.purge("q") == 2)
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 1) == ["1 again"])
        }
    }

    @Test func getWorksBesideAnExclusiveConsumer() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.qos(1)
            try await channel.consume("q", tag: "c", exclusive: true)
            try await channel.publish("1", "2", key: "q")
            try await channel.deliveries()
            try await channel.expectReady(1, in: "q")
            let other = try await session.connect().channel()
            #expect(try await other.get("q", noAck: true)?.delivery.text == "2")
        }
    }

    @Test func allPropertiesComeBack() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            let headers: Headers = [
                "string": "s", "bool": true, "int": 5, "long": .int64(1 << 40), "double": 0.5, "void": .void,
                "bytes": .bytes([1, 2]), "array": [1, "two", .uint8(3)], "table": ["inner": .int16(-1)],
                "time": .timestamp(86400), "decimal": .decimal(scale: 2, value: 314),
            ]
            let properties = BasicProperties(
                contentType: "text/plain",
                contentEncoding: "utf-8",
                headers: headers,
                deliveryMode: .transient,
                priority: 3,
                correlationID: "correlation",
                replyTo: "reply",
                expiration: .seconds(60),
                messageID: "message",
                timestamp: 1000,
                type: "type",
                userID: "guest",
                appID: "app",
                clusterID: "cluster"
            )
            try await channel.publish(Message("body", properties: properties), key: "q")
            try await channel.expectReady(1, in: "q")
            #expect(try await channel.get("q")?.delivery.message == Message("body", properties: properties))
        }
    }

    @Test func aBodyMayBeEmptyOrLong() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            let long = Message(body: Array(repeating: 120, count: 300_000))
            // Past the trace, which would be as long.
            _ = try await channel.peer.call(.basicPublish(long, to: "", key: "q"))
            try await channel.publish("", key: "q")
            try await channel.expectReady(2, in: "q")
            if case .message(let delivery, _) = try await channel.peer.call(.basicGet("q", noAck: true)) {
                #expect(delivery.message == long)
            }
            #expect(try await channel.get("q")?.delivery.message.body == [])
        }
    }
}
