import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct RequeueCases {
    @Test func requeuedMessagesReturnToTheirPlaces() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3", "4")
            for _ in 1...3 { try await channel.get("q") }
            for tag: UInt64 in [2, 3, 1] { try await channel.reject(tag, requeue: true) }
            #expect(try await session.contents(of: "q", count: 4) == ["1 again", "2 again", "3 again", "4"])
        }
    }

    @Test func aRequeuedMessageIsBeforeOnesThatCameLater() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            try await channel.get("q")
            try await channel.publish("3", key: "q")
            try await channel.expectReady(2, in: "q")
            try await channel.reject(1, requeue: true)
            #expect(try await session.contents(of: "q", count: 3) == ["1 again", "2", "3"])
        }
    }

    @Test func theOnlyConsumerGetsItsRequeuedMessageAgainUnderANewTag() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1")
            try await channel.consume("q", tag: "c")
            try await channel.deliveries()
            try await channel.reject(1, requeue: true)
            let again = try await channel.deliveries()
            #expect(again.map(\.mark) == ["1 again"] && again.map(\.deliveryTag) == [2])
            try await channel.ack(2)
        }
    }

    @Test func recoverGivesBackAllThatIsUnsettled() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.consume("q", tag: "c")
            try await channel.deliveries(3)
            try await channel.ack(2)
            try await channel.call(.basicRecover(requeue: true))
            let again = try await channel.deliveries(2)
            #expect(again.map(\.mark) == ["1 again", "3 again"] && again.map(\.deliveryTag) == [4, 5])
            let text = "channel 406 PRECONDITION_FAILED - unknown delivery tag 1"
            #expect(try await channel.refusal(of: .basicAck(1)) == text)
        }
    }

    @Test func recoverGivesBackWhatWasGot() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            try await channel.get("q")
            try await channel.call(.basicRecover(requeue: true))
            #expect(try await session.contents(of: "q", count: 2) == ["1 again", "2"])
        }
    }

    @Test func recoverGivesBackWhatACancelledConsumerHad() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            try await channel.consume("q", tag: "c")
            try await channel.deliveries(2)
            try await channel.cancel("c")
            try await channel.call(.basicRecover(requeue: true))
            #expect(try await session.contents(of: "q", count: 2) == ["1 again", "2 again"])
        }
    }

    @Test func theOlderRecoverDoesTheSameWithoutAnAnswer() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            try await channel.get("q")
            try await channel.call(.basicRecoverAsync(requeue: true))
            #expect(try await session.contents(of: "q", count: 2) == ["1 again", "2"])
        }
    }

    @Test func recoverWithNothingToGiveBackIsFine() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.call(.basicRecover(requeue: true))
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test(
        arguments: [.basicRecover(requeue: false), .basicRecoverAsync(requeue: false)] as [AMQPMethod]
    )
    func recoverWithoutRequeueIsNotImplemented(method: AMQPMethod) async throws {
        try await conform { session in
            let channel = try await session.channel()
            let text = "connection 540 NOT_IMPLEMENTED - requeue=false"
            #expect(try await channel.refusal(of: method) == text)
        }
    }

    @Test func aClosedChannelGivesBackItsMessagesInOrder() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3", "4")
            try await channel.consume("q", tag: "c")
            try await channel.deliveries(4)
            try await channel.ack(2)
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 3) == ["1 again", "3 again", "4 again"])
        }
    }

    @Test func aMessageStaysRedeliveredWhoeverTakesIt() async throws {
        try await conform { session in
            let first = try await session.channel()
            try await first.queue(Queue("q"), holding: "1")
            try await first.get("q")
            try await first.close()
            let second = try await session.connect().channel()
            try await second.expectReady(1, in: "q")
            try await second.consume("q", tag: "c")
            #expect(try await second.deliveries().map(\.mark) == ["1 again"])
            try await second.close()
            #expect(try await session.contents(of: "q", count: 1) == ["1 again"])
        }
    }

    @Test func aDroppedConnectionGivesBackItsMessages() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            let other = try await session.connect()
            let consumer = try await other.channel()
            try await consumer.qos(2)
            try await consumer.consume("q", tag: "c")
            try await consumer.deliveries(2)
            await other.abort()
            #expect(try await session.contents(of: "q", count: 3) == ["1 again", "2 again", "3"])
        }
    }

    @Test func aRequeuedMessageGoesToAConsumerThatHasRoom() async throws {
        try await conform { session in
            let first = try await session.channel()
            try await first.queue(Queue("q"), holding: "1", "2")
            try await first.qos(2)
            try await first.consume("q", tag: "c1")
            try await first.deliveries(2)
            try await first.cancel("c1")
            let second = try await session.channel()
            try await second.qos(1)
            try await second.consume("q", tag: "c2")
            try await first.reject(2, requeue: true)
            #expect(try await second.deliveries().map(\.mark) == ["2 again"])
            try await first.reject(1, requeue: true)
            try await second.expectReady(1, in: "q")
            try await second.ack(1)
            #expect(try await second.deliveries().map(\.mark) == ["1 again"])
            try await second.ack(2)
        }
    }

    @Test func recoverGoesByTheTagsOfTheConsumers() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.consume("q", tag: "b")
            try await channel.consume("q", tag: "a")
            try await channel.publish("1", "2", key: "q")
            let first = try await channel.deliveries(2)
            #expect(first.map { "\($0.text)\($0.consumerTag ?? "")" } == ["1b", "2a"])
            // What "a" had goes back and out again before what "b" had.
            try await channel.call(.basicRecover(requeue: true))
            let again = try await channel.deliveries(2)
            #expect(again.map { "\($0.text)\($0.consumerTag ?? "")" } == ["2b", "1a"])
        }
    }
}
