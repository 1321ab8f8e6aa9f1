import EnokiBroker
import EnokiTestSupport
import Testing

/// Queues with `x-single-active-consumer`.
///
/// RabbitMQ 3.10 loses its way when the active consumer is cancelled while messages wait: see
/// `Docs/BrokerDifferences.md`. So these cases cancel only where none do.
@Suite(.timeLimit(.minutes(5))) struct SingleActiveConsumerCases {
    static let queue = Queue("q", arguments: ["x-single-active-consumer": true])

    @Test func theFirstConsumerGetsEverything() async throws {
        try await conform { session in
            let (first, second) = (try await session.channel(), try await session.channel())
            try await first.declare(Self.queue)
            try await first.consume("q", tag: "first")
            try await second.consume("q", tag: "second", arguments: ["x-priority": 10])
            try await first.publish("1", "2", "3", key: "q")
            #expect(try await first.deliveries(3).map(\.text) == ["1", "2", "3"])
            #expect(try await second.leftovers().isEmpty)
        }
    }

    @Test func aBusyActiveConsumerIsWaitedFor() async throws {
        try await conform { session in
            let (first, second) = (try await session.channel(), try await session.channel())
            try await first.declare(Self.queue)
            try await first.qos(1)
            try await first.consume("q", tag: "first")
            try await second.consume("q", tag: "second")
            try await first.publish("1", "2", key: "q")
            #expect(try await first.deliveries().map(\.text) == ["1"])
            try await first.expectReady(1, in: "q")
            #expect(try await second.leftovers().isEmpty)
            try await first.ack(1)
            #expect(try await first.deliveries().map(\.text) == ["2"])
        }
    }

    @Test func theNextConsumerFollowsWhenTheActiveOneIsCancelled() async throws {
        try await conform { session in
            let channels = [try await session.channel(), try await session.channel(), try await session.channel()]
            try await channels[0].declare(Self.queue)
            for (index, channel) in channels.enumerated() { try await channel.consume("q", tag: "c\(index)") }
            for (index, channel) in channels.enumerated() {
                try await channels[0].publish("\(index)", key: "q")
                #expect(try await channel.deliveries().map(\.text) == ["\(index)"])
                try await channel.cancel("c\(index)")
            }
        }
    }

    @Test func aConsumerThatComesBackIsTheLast() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Self.queue)
            for tag in ["one", "two"] { try await channel.consume("q", tag: tag) }
            try await channel.cancel("one")
            try await channel.consume("q", tag: "one")
            try await channel.publish("m", key: "q")
            #expect(try await channel.deliveries().map(\.consumerTag) == ["two"])
        }
    }

    @Test func whatAClosedChannelHadGoesToTheNextConsumer() async throws {
        try await conform { session in
            let (first, second) = (try await session.channel(), try await session.channel())
            try await first.declare(Self.queue)
            try await first.qos(1)
            try await first.consume("q", tag: "first")
            try await second.consume("q", tag: "second")
            try await second.publish("1", "2", "3", key: "q")
            try await first.deliveries()
            try await second.expectReady(2, in: "q")
            try await first.close()
            #expect(try await second.deliveries(3).map(\.mark) == ["1 again", "2", "3"])
        }
    }

    @Test func theHighestPriorityFollows() async throws {
        try await conform { session in
            let (first, other) = (try await session.channel(), try await session.channel())
            try await first.declare(Self.queue)
            try await first.consume("q", tag: "active")
            for (tag, priority) in [("low", 1), ("high", 5), ("high too", 5)] as [(String, FieldValue)] {
                try await other.consume("q", tag: tag, arguments: ["x-priority": priority])
            }
            try await first.close()
            try await session.expectConsumers(3, of: "q")
            try await other.publish("m", key: "q")
            #expect(try await other.deliveries().map(\.consumerTag) == ["high"])
        }
    }

    @Test func cancellingOneThatWaitsChangesNothing() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Self.queue)
            for tag in ["active", "waiting"] { try await channel.consume("q", tag: tag) }
            try await channel.cancel("waiting")
            try await channel.publish("m", key: "q")
            #expect(try await channel.deliveries().map(\.consumerTag) == ["active"])
        }
    }

    @Test func noConsumerMayBeExclusive() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Self.queue)
            #expect(
                try await channel.refusal(of: .basicConsume("q", tag: "c", exclusive: true))
                    == "channel 403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"
            )
        }
    }

    @Test func aGetIsServedBesideTheActiveConsumer() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Self.queue)
            try await channel.qos(1)
            try await channel.consume("q", tag: "c")
            try await channel.publish("1", "2", key: "q")
            try await channel.deliveries()
            #expect(try await channel.take(from: "q").text == "2")
        }
    }

    @Test func deletingTheQueueCancelsAllConsumers() async throws {
        try await conform { session in
            let (first, second) = (try await session.channel(), try await session.channel())
            try await first.declare(Self.queue)
            try await first.consume("q", tag: "first")
            try await second.consume("q", tag: "second")
            try await first.delete(queue: "q")
            #expect(try await first.cancellation() == "first")
            #expect(try await second.cancellation() == "second")
        }
    }
}
