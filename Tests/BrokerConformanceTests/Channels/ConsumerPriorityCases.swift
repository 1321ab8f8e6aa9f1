import EnokiBroker
import EnokiTestSupport
import Testing

/// Which of several consumers gets a message.
@Suite(.timeLimit(.minutes(5))) struct ConsumerPriorityCases {
    @Test func theHighestPriorityGetsEverythingWhileItCan() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.consume("q", tag: "low", arguments: ["x-priority": -1])
            try await channel.consume("q", tag: "none")
            try await channel.consume("q", tag: "high", arguments: ["x-priority": 1])
            try await channel.publish("1", "2", "3", key: "q")
            #expect(try await channel.deliveries(3).map(\.consumerTag) == ["high", "high", "high"])
        }
    }

    @Test func aLowerPriorityHelpsWhereTheHigherIsBusy() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.consume("q", tag: "low")
            try await channel.qos(2)
            try await channel.consume("q", tag: "high", arguments: ["x-priority": 5])
            try await channel.publish("1", "2", "3", key: "q")
            #expect(try await channel.deliveries(3).map(\.consumerTag) == ["high", "high", "low"])
            try await channel.ack(1)
            // The queue has heard of the acknowledgement when it has answered this channel's next question.
            try await channel.expectReady(0, in: "q")
            try await channel.publish("4", "5", key: "q")
            #expect(try await channel.deliveries(2).map(\.consumerTag) == ["high", "low"])
        }
    }

    @Test func equalsTakeTurns() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            for tag in ["a", "b", "c"] { try await channel.consume("q", tag: tag, arguments: ["x-priority": 3]) }
            try await channel.publish("1", "2", "3", "4", "5", key: "q")
            #expect(try await channel.deliveries(5).map(\.consumerTag) == ["a", "b", "c", "a", "b"])
        }
    }

    @Test func whoWasBusyIsTheLast() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.qos(1)
            for tag in ["a", "b"] { try await channel.consume("q", tag: tag) }
            try await channel.publish("1", "2", "3", key: "q")
            #expect(try await channel.deliveries(2).map(\.consumerTag) == ["a", "b"])
            try await channel.expectReady(1, in: "q")
            // Both have been found busy; who is free first is first.
            try await channel.ack(2)
            #expect(try await channel.deliveries().map(\.consumerTag) == ["b"])
            // Nobody has found out that "b" is busy again: it has kept its turn, and "a" comes after it.
            try await channel.ack(1)
            try await channel.ack(3)
            try await channel.expectReady(0, in: "q")
            try await channel.publish("4", "5", key: "q")
            #expect(try await channel.deliveries(2).map(\.consumerTag) == ["b", "a"])
        }
    }

    @Test func oneConsumerOfAChannelDoesNotStandForTheOthers() async throws {
        try await conform { session in
            let (one, two) = (try await session.channel(), try await session.channel())
            try await one.declare(Queue("q"))
            for tag in ["a", "b"] { try await one.consume("q", tag: tag) }
            try await two.consume("q", tag: "c")
            try await one.publish("1", "2", "3", key: "q")
            #expect(try await one.deliveries(2).map(\.consumerTag) == ["a", "b"])
            #expect(try await two.deliveries().map(\.text) == ["3"])
        }
    }

    @Test func aBacklogGoesToTheFirstConsumerThatCanTakeIt() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.qos(2)
            try await channel.consume("q", tag: "a")
            try await channel.consume("q", tag: "b", arguments: ["x-priority": 9])
            #expect(try await channel.deliveries(3).map(\.consumerTag) == ["a", "a", "b"])
        }
    }

    @Test func aPriorityIsAnInteger() async throws {
        try await conform { session in
            for (value, kind) in [("5", "longstr"), (true, "bool"), (1.5, "double")] as [(FieldValue, String)] {
                let channel = try await session.channel()
                try await channel.declare(Queue("q"))
                #expect(
                    try await channel.refusal(of: .basicConsume("q", tag: "c", arguments: ["x-priority": value]))
                        == "channel 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "
                        + "\"expected integer, got \(kind)\""
                )
            }
        }
    }
}
