import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct PrefetchCases {
    @Test func theCountHoldsForEachConsumerAlone() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("one"), holding: "1", "2", "3")
            try await channel.queue(Queue("two"), holding: "4", "5", "6")
            try await channel.qos(2)
            try await channel.consume("one", tag: "c1")
            #expect(try await channel.deliveries(2).map(\.text) == ["1", "2"])
            try await channel.consume("two", tag: "c2")
            #expect(try await channel.deliveries(2).map(\.text) == ["4", "5"])
            try await channel.expectReady(1, in: "one")
            try await channel.expectReady(1, in: "two")
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func anAckMakesRoomForTheNext() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.qos(1)
            try await channel.consume("q", tag: "c")
            for tag: UInt64 in 1...3 {
                #expect(try await channel.deliveries().map(\.text) == ["\(tag)"])
                try await channel.expectReady(3 - Int(tag), in: "q")
                #expect(try await channel.leftovers().isEmpty)
                try await channel.ack(tag)
            }
        }
    }

    @Test func ackMultipleMakesRoomForAsMany() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3", "4", "5", "6")
            try await channel.qos(3)
            try await channel.consume("q", tag: "c")
            try await channel.deliveries(3)
            try await channel.ack(2, multiple: true)
            #expect(try await channel.deliveries(2).map(\.text) == ["4", "5"])
            try await channel.expectReady(1, in: "q")
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func theCountHoldsForLaterConsumersOnly() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("one"), holding: "1", "2", "3")
            try await channel.queue(Queue("two"), holding: "4", "5", "6")
            try await channel.qos(1)
            try await channel.consume("one", tag: "c1")
            try await channel.deliveries()
            try await channel.qos(2)
            try await channel.consume("two", tag: "c2")
            try await channel.deliveries(2)
            try await channel.ack(1)
            #expect(try await channel.deliveries().map(\.text) == ["2"])
            try await channel.expectReady(1, in: "one")
            try await channel.expectReady(1, in: "two")
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func zeroIsNoLimit() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.qos(1)
            try await channel.qos(0)
            try await channel.consume("q", tag: "c")
            #expect(try await channel.deliveries(3).map(\.text) == ["1", "2", "3"])
        }
    }

    @Test func aGlobalCountIsSharedByTheChannelsConsumers() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("one"), holding: "1", "2")
            try await channel.queue(Queue("two"), holding: "3", "4", "5")
            try await channel.qos(3, global: true)
            try await channel.consume("one", tag: "c1")
            try await channel.deliveries(2)
            try await channel.consume("two", tag: "c2")
            #expect(try await channel.deliveries().map(\.text) == ["3"])
            try await channel.expectReady(2, in: "two")
            #expect(try await channel.leftovers().isEmpty)
            try await channel.ack(1)
            #expect(try await channel.deliveries().map(\.text) == ["4"])
            try await channel.expectReady(1, in: "two")
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func aGlobalCountBelongsToItsChannel() async throws {
        try await conform { session in
            let first = try await session.channel()
            try await first.queue(Queue("q"), holding: "1", "2", "3")
            try await first.qos(1, global: true)
            try await first.consume("q", tag: "c")
            try await first.deliveries()
            let second = try await session.channel()
            try await second.consume("q", tag: "c")
            #expect(try await second.deliveries(2).map(\.text) == ["2", "3"])
        }
    }

    @Test func raisingTheGlobalCountDeliversAtOnce() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3", "4")
            try await channel.qos(1, global: true)
            try await channel.consume("q", tag: "c")
            try await channel.deliveries()
            try await channel.qos(3, global: true)
            #expect(try await channel.deliveries(2).map(\.text) == ["2", "3"])
            try await channel.expectReady(1, in: "q")
            #expect(try await channel.leftovers().isEmpty)
            try await channel.qos(0, global: true)
            #expect(try await channel.deliveries().map(\.text) == ["4"])
        }
    }

    @Test func loweringTheGlobalCountWaitsUntilEnoughIsSettled() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3", "4", "5", "6")
            try await channel.qos(3, global: true)
            try await channel.consume("q", tag: "c")
            try await channel.deliveries(3)
            try await channel.qos(1, global: true)
            try await channel.ack(1)
            // Had one been delivered for the ack, it would be this one.
            #expect(try await channel.get("q", noAck: true)?.delivery.text == "4")
            try await channel.ack(3, multiple: true)
            #expect(try await channel.deliveries().map(\.text) == ["5"])
            try await channel.expectReady(1, in: "q")
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func bothCountsHoldTogether() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("one"), holding: "1", "2", "3")
            try await channel.queue(Queue("two"), holding: "4", "5", "6")
            try await channel.qos(2)
            try await channel.qos(3, global: true)
            try await channel.consume("one", tag: "c1")
            #expect(try await channel.deliveries(2).map(\.text) == ["1", "2"])
            try await channel.expectReady(1, in: "one")
            try await channel.consume("two", tag: "c2")
            #expect(try await channel.deliveries().map(\.text) == ["4"])
            try await channel.expectReady(2, in: "two")
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func consumersWithoutAcknowledgementsHaveNoLimit() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.qos(1)
            try await channel.qos(1, global: true)
            try await channel.consume("q", tag: "c", noAck: true)
            #expect(try await channel.deliveries(3).map(\.text) == ["1", "2", "3"])
        }
    }

    @Test func whatWasGotIsNotCounted() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3", "4")
            try await channel.qos(1, global: true)
            try await channel.get("q")
            try await channel.get("q")
            try await channel.consume("q", tag: "c")
            #expect(try await channel.deliveries().map(\.text) == ["3"])
            try await channel.expectReady(1, in: "q")
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func whatACancelledConsumerHasStillCountsForTheChannel() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            try await channel.qos(1, global: true)
            try await channel.consume("q", tag: "c1")
            try await channel.deliveries()
            try await channel.cancel("c1")
            try await channel.consume("q", tag: "c2")
            try await channel.ack(1)
            #expect(try await channel.deliveries().map(\.consumerTag) == ["c2"])
        }
    }

    @Test func aRejectMakesRoomToo() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.qos(1)
            try await channel.consume("q", tag: "c")
            try await channel.deliveries()
            try await channel.reject(1, requeue: false)
            #expect(try await channel.deliveries().map(\.mark) == ["2"])
            try await channel.reject(2, requeue: true)
            #expect(try await channel.deliveries().map(\.mark) == ["2 again"])
            try await channel.expectReady(1, in: "q")
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func aSizeIsNotImplemented() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let text = "connection 540 NOT_IMPLEMENTED - prefetch_size!=0 (5)"
            #expect(try await channel.refusal(of: .basicQos(count: 1, size: 5)) == text)
        }
    }

    @Test func aGlobalCountThatIsReachedHoldsBackConsumersWithoutAcknowledgementsToo() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.qos(1, global: true)
            try await channel.consume("q", tag: "acks")
            try await channel.consume("q", tag: "none", noAck: true)
            try await channel.publish("1", key: "q")
            #expect(try await channel.deliveries().map(\.consumerTag) == ["acks"])
            try await channel.publish("2", key: "q")
            try await channel.expectReady(1, in: "q")
            #expect(try await channel.leftovers().isEmpty)
            try await channel.ack(1)
            try await channel.deliveries()
        }
    }

    @Test func aGlobalCountBeginsWithAllThatIsUnsettled() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.get("q")
            try await channel.qos(1, global: true)
            try await channel.consume("q", tag: "c")
            // What was got before is counted, and its ack is not: so nothing comes until the limit goes.
            try await channel.ack(1)
            #expect(try await channel.get("q", noAck: true)?.delivery.text == "2")
            try await channel.qos(0, global: true)
            #expect(try await channel.deliveries().map(\.text) == ["3"])
        }
    }
}
