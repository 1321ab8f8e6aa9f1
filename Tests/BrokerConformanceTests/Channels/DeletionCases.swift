import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct DeletionCases {
    @Test func deletingAQueueCountsWhatWasReady() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.get("q")
            #expect(try await channel.delete(queue: "q") == 2)
            try await session.expectNoQueue("q")
        }
    }

    @Test func aQueueWithConsumersIsInUse() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.consume("q", tag: "c")
            let other = try await session.channel()
            let text = "channel 406 PRECONDITION_FAILED - queue 'q' in vhost '/' in use"
            #expect(try await other.refusal(of: .queueDelete("q", ifUnused: true)) == text)
            #expect(try await session.refusal(of: .queueDelete("q", ifUnused: true, ifEmpty: true)) == text)
            try await channel.cancel("c")
            try await session.expectConsumers(0, of: "q")
            #expect(try await channel.delete(queue: "q", ifUnused: true) == 0)
        }
    }

    @Test func aQueueWithMessagesIsNotEmpty() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1")
            let text = "channel 406 PRECONDITION_FAILED - queue 'q' in vhost '/' not empty"
            #expect(try await session.refusal(of: .queueDelete("q", ifEmpty: true)) == text)
            #expect(try await session.refusal(of: .queueDelete("q", ifUnused: true, ifEmpty: true)) == text)
            #expect(try await channel.delete(queue: "q", ifUnused: true) == 1)
        }
    }

    @Test func unacknowledgedMessagesDoNotMakeAQueueFull() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1")
            try await channel.get("q")
            #expect(try await channel.delete(queue: "q", ifEmpty: true) == 0)
            try await channel.ack(1)
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func deletingAQueueRemovesItsBindings() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("x", .fanout, autoDelete: true))
            try await channel.declare(Queue("q"))
            try await channel.bind("q", to: "x")
            try await channel.delete(queue: "q")
            try await session.expectNoExchange("x")
            try await channel.declare(Queue("q"))
            try await channel.publish("1", to: "amq.fanout", key: "", mandatory: true)
            try await channel.returns()
        }
    }

    @Test func purgingCountsAndRemovesWhatIsReady() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.get("q")
            #expect(try await channel.purge("q") == 2)
            #expect(try await channel.purge("q") == 0)
            try await channel.reject(1, requeue: true)
            #expect(try await session.contents(of: "q", count: 1) == ["1 again"])
        }
    }
}
