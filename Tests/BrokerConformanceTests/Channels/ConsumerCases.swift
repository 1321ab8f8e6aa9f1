import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ConsumerCases {
    @Test func theBrokerMakesUpTags() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1")
            let first = try await channel.consume("q")
            let second = try await channel.consume("q")
            #expect(first.hasPrefix("amq.ctag-") && first.utf8.count == 31)
            #expect(first != second)
            #expect(try await channel.deliveries().map(\.consumerTag) == [first])
        }
    }

    @Test func aTagIsUsedOnceOnAChannel() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let other = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.consume("q", tag: "c")
            try await other.consume("q", tag: "c")
            // Not even the queue must exist for the tag to be refused.
            for queue in ["q", "nope"] {
                let connection = try await session.connect()
                let third = try await connection.channel()
                let fourth = try await connection.channel()
                try await third.consume("q", tag: "c")
                let text = "connection 530 NOT_ALLOWED - attempt to reuse consumer tag 'c'"
                #expect(try await third.refusal(of: .basicConsume(queue, tag: "c")) == text)
                #expect(try await fourth.closure().summary == text)
            }
        }
    }

    @Test func aCancelledTagCanBeUsedAgain() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.consume("q", tag: "c")
            try await channel.cancel("c")
            try await channel.consume("q", tag: "c")
            try await channel.publish("1", key: "q")
            #expect(try await channel.deliveries().count == 1)
        }
    }

    @Test func cancellingWhatIsNotThereIsFine() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.cancel("nope")
            try await channel.cancel("nope")
        }
    }

    @Test func aCancelledConsumerGetsNothingMore() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.consume("q", tag: "c")
            try await channel.publish("1", key: "q")
            try await channel.deliveries()
            try await channel.cancel("c")
            try await channel.publish("2", key: "q")
            try await channel.expectReady(1, in: "q")
            #expect(try await channel.leftovers().isEmpty)
            let status = try await channel.declare(Queue("q"), passive: true)
            #expect(status.consumerCount == 0)
        }
    }

    @Test func aMessageTellsWhereItWasPublished() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("x", .topic))
            try await channel.declare(Queue("q"))
            try await channel.bind("q", to: "x", key: "a.*")
            try await channel.consume("q", tag: "c")
            try await channel.publish("1", to: "x", key: "a.b")
            let delivery = try await channel.deliveries()[0]
            #expect(delivery.exchange == "x" && delivery.routingKey == "a.b" && delivery.consumerTag == "c")
            try await channel.publish("2", key: "q")
            let second = try await channel.deliveries()[0]
            #expect(second.exchange == "" && second.routingKey == "q" && second.deliveryTag == 2)
        }
    }

    @Test func aSecondConsumerOfAnExclusiveOnesQueueIsRefused() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.consume("q", tag: "c", exclusive: true)
            let text = "channel 403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"
            for exclusive in [false, true] {
                let consume = AMQPMethod.basicConsume("q", tag: "d", exclusive: exclusive)
                #expect(try await session.refusal(of: consume) == text)
            }
            try await channel.cancel("c")
            try await session.channel().consume("q", tag: "d")
        }
    }

    @Test func anExclusiveConsumerMustBeTheFirst() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.consume("q", tag: "c")
            let text = "channel 403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"
            let consume = AMQPMethod.basicConsume("q", tag: "d", exclusive: true)
            #expect(try await session.refusal(of: consume) == text)
            try await channel.close()
            try await session.expectConsumers(0, of: "q")
            try await session.channel().consume("q", tag: "d", exclusive: true)
        }
    }

    @Test func consumersTakeTurns() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            for tag in ["a", "b", "c"] { try await channel.consume("q", tag: tag, noAck: true) }
            for text in ["1", "2", "3", "4", "5", "6"] { try await channel.publish(text, key: "q") }
            let turns = try await channel.deliveries(6).map { "\($0.text)\($0.consumerTag ?? "")" }
            #expect(turns == ["1a", "2b", "3c", "4a", "5b", "6c"])
        }
    }

    @Test func deletingAQueueCancelsItsConsumers() async throws {
        try await conform { session in
            let first = try await session.channel()
            let second = try await session.connect().channel()
            try await first.declare(Queue("q"))
            try await first.consume("q", tag: "mine")
            try await second.consume("q", tag: "theirs")
            try await first.delete(queue: "q")
            #expect(try await first.cancellation() == "mine")
            #expect(try await second.cancellation() == "theirs")
            // The tag is free again, and cancelling it was no error.
            try await first.cancel("mine")
            try await first.declare(Queue("q"))
            try await first.consume("q", tag: "mine")
        }
    }

    @Test func whatADeletedQueueHadDeliveredIsSettledForNothing() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            try await channel.consume("q", tag: "c")
            try await channel.deliveries(2)
            try await channel.delete(queue: "q")
            try await channel.cancellation()
            try await channel.ack(1)
            try await channel.reject(2, requeue: true)
            try await session.expectNoQueue("q")
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func anAutoDeleteQueueGoesWithItsLastConsumer() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q", autoDelete: true), holding: "1")
            try await channel.get("q")
            try await channel.reject(1, requeue: true)
            try await channel.consume("q", tag: "a")
            try await channel.deliveries()
            try await channel.consume("q", tag: "b")
            try await channel.cancel("a")
            try await session.expectConsumers(1, of: "q")
            try await channel.cancel("b")
            try await session.expectNoQueue("q")
            try await channel.ack(2)
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func anAutoDeleteQueueGoesWithItsConsumersChannel() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q", autoDelete: true))
            try await channel.consume("q", tag: "c")
            try await channel.close()
            try await session.expectNoQueue("q")
        }
    }

    @Test func argumentsOfConsumersAreChecked() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            let consume = AMQPMethod.basicConsume("q", tag: "c", arguments: ["x-priority": "high"])
            #expect(
                try await channel.refusal(of: consume)
                    == "channel 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "
                    + "\"expected integer, got longstr\""
            )
            try await session.channel().consume("q", tag: "c", arguments: ["x-priority": -5, "x-other": "any"])
        }
    }

    @Test func noLocalIsIgnored() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.basicConsume("q", tag: "c", noLocal: true))
            try await channel.publish("1", key: "q")
            #expect(try await channel.deliveries().count == 1)
        }
    }

    @Test func aChannelsConsumersAreCancelledInTheOrderOfTheirTags() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            for tag in ["b", "a10", "c", "a9"] { try await channel.consume("q", tag: tag) }
            try await session.channel().delete(queue: "q")
            var tags: [String] = []
            for _ in 1...4 { tags.append(try await channel.cancellation()) }
            #expect(tags == ["a10", "a9", "b", "c"])
        }
    }
}
