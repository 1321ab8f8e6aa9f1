import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ConnectionEndCases {
    @Test func exclusiveQueuesGoWithTheirConnection() async throws {
        try await conform { session in
            let observer = try await session.channel()
            try await observer.declare(Exchange("x", .fanout, autoDelete: true))
            let connection = try await session.connect()
            let channel = try await connection.channel()
            try await channel.declare(Queue("q", durable: false, exclusive: true))
            try await channel.bind("q", to: "x")
            try await channel.publish("1", key: "q")
            try await connection.close()
            try await session.expectNoQueue("q")
            try await session.expectNoExchange("x")
        }
    }

    @Test func exclusiveQueuesGoWithADroppedConnection() async throws {
        try await conform { session in
            let connection = try await session.connect()
            try await connection.channel().declare(Queue("q", exclusive: true))
            await connection.abort()
            try await session.expectNoQueue("q")
        }
    }

    @Test func aClosedConnectionGivesBackTheMessagesOfAllItsChannels() async throws {
        try await conform { session in
            let observer = try await session.channel()
            try await observer.queue(Queue("q"), holding: "1", "2", "3")
            let connection = try await session.connect()
            let first = try await connection.channel()
            let second = try await connection.channel()
            try await first.get("q")
            try await second.get("q")
            try await connection.close()
            #expect(try await session.contents(of: "q", count: 3) == ["1 again", "2 again", "3"])
        }
    }

    @Test func anErrorOfTheConnectionEndsAllItsChannels() async throws {
        try await conform { session in
            let observer = try await session.channel()
            try await observer.queue(Queue("q"), holding: "1", "2")
            let connection = try await session.connect()
            let first = try await connection.channel()
            let second = try await connection.channel()
            try await first.get("q")
            try await second.declare(Queue("mine", exclusive: true))
            let declare = AMQPMethod.exchangeDeclare(Exchange("x", Exchange.Kind(rawValue: "nope")))
            let text = "connection 503 COMMAND_INVALID - unknown exchange type 'nope'"
            #expect(try await first.refusal(of: declare) == text)
            #expect(try await second.closure().summary == text)
            #expect(try await session.contents(of: "q", count: 2) == ["1 again", "2"])
            try await session.expectNoQueue("mine")
        }
    }

    @Test func anAutoDeleteQueueGoesWithItsConsumersConnection() async throws {
        try await conform { session in
            let connection = try await session.connect()
            let channel = try await connection.channel()
            try await channel.declare(Queue("q", autoDelete: true))
            try await channel.consume("q", tag: "c")
            await connection.abort()
            try await session.expectNoQueue("q")
        }
    }

    @Test func aTransactionEndsWithItsConnection() async throws {
        try await conform { session in
            try await session.channel().declare(Queue("q"))
            let connection = try await session.connect()
            let channel = try await connection.channel()
            try await channel.declare(Queue("mine", exclusive: true))
            try await channel.call(.txSelect)
            try await channel.publish("1", key: "q")
            try await connection.close()
            // What goes with the connection is gone: whatever its end does has been done.
            try await session.expectNoQueue("mine")
            #expect(try await session.contents(of: "q", count: 0) == [])
        }
    }
}
