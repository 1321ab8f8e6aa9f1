import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ServerNamedQueueCases {
    @Test func theBrokerMakesUpADifferentNameEachTime() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let first = try await channel.declare(Queue("", durable: false, exclusive: true)).name
            let second = try await channel.declare(Queue("", durable: false, exclusive: true)).name
            #expect(first.hasPrefix("amq.gen-") && first.utf8.count == 30)
            #expect(first != second)
            try await channel.publish("1", key: first)
            try await channel.expectReady(1, in: first)
        }
    }

    @Test func theEmptyNameIsTheLastQueueThatTheChannelDeclared() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("x", .direct))
            try await channel.declare(Queue("first"))
            try await channel.declare(Queue("last"))
            try await channel.bind("", to: "x", key: "k")
            try await channel.publish("1", "2", "3", to: "x", key: "k")
            try await channel.expectReady(3, in: "last")
            #expect(try await channel.get("", noAck: true)?.delivery.text == "1")
            try await channel.consume("", tag: "c", noAck: true)
            #expect(try await channel.deliveries(2).map(\.text) == ["2", "3"])
            try await channel.call(.queueUnbind("", from: "x", key: "k"))
            #expect(try await channel.purge("") == 0)
            try await channel.delete(queue: "")
            try await session.expectNoQueue("last")
            try await channel.declare(Queue("first"), passive: true)
        }
    }

    @Test func withAnEmptyKeyTooABindingsKeyIsTheQueuesName() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("x", .direct))
            try await channel.declare(Queue("q"))
            try await channel.bind("", to: "x", key: "")
            try await channel.publish("1", to: "x", key: "q", mandatory: true)
            #expect(try await session.contents(of: "q", count: 1) == ["1"])
            try await channel.publish("2", to: "x", key: "", mandatory: true)
            #expect(try await channel.returns().count == 1)
        }
    }

    @Test func withoutADeclarationBeforeThereIsNoLastQueue() async throws {
        try await conform { session in
            try await session.channel().declare(Queue("q"))
            let methods: [AMQPMethod] = [
                .queueBind("", to: "amq.direct"), .queueUnbind("", from: "amq.direct"), .queuePurge(""),
                .queueDelete(""), .basicConsume("", tag: "c"), .basicGet(""),
            ]
            for method in methods {
                let text = "channel 404 NOT_FOUND - no previously declared queue"
                #expect(try await session.refusal(of: method) == text)
            }
        }
    }

    @Test func aPassiveDeclarationOfTheEmptyNameFindsNothing() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            let text = "channel 404 NOT_FOUND - no queue '' in vhost '/'"
            #expect(try await channel.refusal(of: .queueDeclare(Queue(""), passive: true)) == text)
        }
    }

    @Test func aPassiveDeclarationCountsAsTheLast() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("first"))
            try await channel.declare(Queue("second"))
            try await channel.declare(Queue("first"), passive: true)
            try await channel.publish("1", key: "first")
            try await channel.expectReady(1, in: "first")
            try await channel.declare(Queue("first"), passive: true)
            #expect(try await channel.get("", noAck: true)?.delivery.text == "1")
        }
    }

    @Test func theLastQueueMayBeGone() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.delete(queue: "q")
            let text = "channel 404 NOT_FOUND - no queue 'q' in vhost '/'"
            #expect(try await channel.refusal(of: .basicGet("")) == text)
        }
    }
}
