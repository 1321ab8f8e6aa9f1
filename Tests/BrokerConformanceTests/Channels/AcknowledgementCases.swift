import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct AcknowledgementCases {
    @Test func ackMultipleSettlesAllUpToItsTag() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3", "4")
            try await channel.consume("q", tag: "c")
            #expect(try await channel.deliveries(4).map(\.text) == ["1", "2", "3", "4"])
            try await channel.ack(3, multiple: true)
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 1) == ["4 again"])
        }
    }

    @Test func ackMultipleOfZeroSettlesAll() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.consume("q", tag: "c")
            try await channel.deliveries(2)
            try await channel.deliveries()
            try await channel.ack(0, multiple: true)
            try await channel.publish("4", key: "q")
            #expect(try await channel.deliveries().map(\.deliveryTag) == [4])
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 1) == ["4 again"])
        }
    }

    @Test func ackMultipleOfZeroWithNothingToAckIsFine() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.ack(0, multiple: true)
            try await channel.nack(0, multiple: true)
            try await channel.declare(Queue("q"))
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func ackMultipleCoversWhatSeveralConsumersAndGetsTook() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("one"), holding: "1")
            try await channel.queue(Queue("two"), holding: "2")
            try await channel.queue(Queue("three"), holding: "3", "4")
            try await channel.consume("one", tag: "c1")
            try await channel.deliveries()
            try await channel.consume("two", tag: "c2")
            try await channel.deliveries()
            #expect(try await channel.get("three")?.delivery.deliveryTag == 3)
            #expect(try await channel.get("three")?.delivery.deliveryTag == 4)
            try await channel.ack(3, multiple: true)
            try await channel.close()
            #expect(try await session.contents(of: "three", count: 1) == ["4 again"])
            #expect(try await session.contents(of: "one", count: 0) == [])
            #expect(try await session.contents(of: "two", count: 0) == [])
        }
    }

    @Test func acksMayComeInAnyOrder() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3", "4")
            try await channel.consume("q", tag: "c")
            try await channel.deliveries(4)
            for tag: UInt64 in [4, 2, 1] { try await channel.ack(tag) }
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 1) == ["3 again"])
        }
    }

    @Test func nackMultipleRequeuesAllUpToItsTagInTheirOrder() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3", "4", "5")
            for _ in 1...4 { try await channel.get("q") }
            try await channel.nack(3, multiple: true)
            #expect(try await session.contents(of: "q", count: 4) == ["1 again", "2 again", "3 again", "5"])
            try await channel.ack(4)
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func nackMultipleOfZeroRequeuesAll() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            for _ in 1...2 { try await channel.get("q") }
            try await channel.nack(0, multiple: true)
            #expect(try await session.contents(of: "q", count: 2) == ["1 again", "2 again"])
        }
    }

    @Test func nackWithoutRequeueDropsTheMessages() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            for _ in 1...3 { try await channel.get("q") }
            try await channel.nack(2, multiple: true, requeue: false)
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 1) == ["3 again"])
        }
    }

    @Test func rejectRequeuesOrDropsOneMessage() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            for _ in 1...3 { try await channel.get("q") }
            try await channel.reject(2, requeue: false)
            try await channel.reject(1, requeue: true)
            #expect(try await session.contents(of: "q", count: 1) == ["1 again"])
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 1) == ["3 again"])
        }
    }

    @Test(
        arguments: [.basicAck(7), .basicNack(7), .basicReject(7), .basicAck(7, multiple: true)] as [AMQPMethod]
    )
    func anUnknownDeliveryTagClosesTheChannel(method: AMQPMethod) async throws {
        try await conform { session in
            let channel = try await session.channel()
            let text = "channel 406 PRECONDITION_FAILED - unknown delivery tag 7"
            #expect(try await channel.refusal(of: method) == text)
        }
    }

    @Test func tagZeroAloneIsUnknown() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1")
            try await channel.get("q")
            let text = "channel 406 PRECONDITION_FAILED - unknown delivery tag 0"
            #expect(try await channel.refusal(of: .basicAck(0)) == text)
            #expect(try await session.contents(of: "q", count: 1) == ["1 again"])
        }
    }

    @Test func aTagBeyondTheLastOneIsUnknownToMultipleToo() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            try await channel.get("q")
            try await channel.get("q")
            let text = "channel 406 PRECONDITION_FAILED - unknown delivery tag 3"
            #expect(try await channel.refusal(of: .basicAck(3, multiple: true)) == text)
            #expect(try await session.contents(of: "q", count: 2) == ["1 again", "2 again"])
        }
    }

    @Test func aTagCanBeSettledOnce() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            try await channel.get("q")
            try await channel.get("q")
            try await channel.ack(1)
            let text = "channel 406 PRECONDITION_FAILED - unknown delivery tag 1"
            #expect(try await channel.refusal(of: .basicReject(1)) == text)
            #expect(try await session.contents(of: "q", count: 1) == ["2 again"])
        }
    }

    @Test func aSettledTagIsUnknownToMultipleThoughOneBelowItIsNot() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            for _ in 1...3 { try await channel.get("q") }
            try await channel.ack(2)
            let text = "channel 406 PRECONDITION_FAILED - unknown delivery tag 2"
            #expect(try await channel.refusal(of: .basicAck(2, multiple: true)) == text)
            #expect(try await session.contents(of: "q", count: 2) == ["1 again", "3 again"])
        }
    }

    @Test func tagsBelongToTheirChannel() async throws {
        try await conform { session in
            let first = try await session.channel()
            let second = try await session.channel()
            try await first.queue(Queue("q"), holding: "1")
            try await first.get("q")
            let text = "channel 406 PRECONDITION_FAILED - unknown delivery tag 1"
            #expect(try await second.refusal(of: .basicAck(1)) == text)
            try await first.ack(1)
            try await first.close()
            #expect(try await session.contents(of: "q", count: 0) == [])
        }
    }

    @Test func aDeliveryWithoutAcknowledgementsHasATagThatCannotBeSettled() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            try await channel.consume("q", tag: "c", noAck: true)
            #expect(try await channel.deliveries(2).map(\.deliveryTag) == [1, 2])
            let text = "channel 406 PRECONDITION_FAILED - unknown delivery tag 2"
            #expect(try await channel.refusal(of: .basicAck(2)) == text)
            #expect(try await session.contents(of: "q", count: 0) == [])
        }
    }

    @Test func deliveriesOfACancelledConsumerCanStillBeSettled() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.consume("q", tag: "c")
            try await channel.deliveries(3)
            try await channel.cancel("c")
            try await channel.ack(1)
            try await channel.reject(2, requeue: true)
            #expect(try await session.contents(of: "q", count: 1) == ["2 again"])
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 1) == ["3 again"])
        }
    }

    @Test func whatDiesTogetherDiesInTheOrderOfTheTagsWhateverThePriorities() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("dead"))
            let arguments: Headers = [
                "x-max-priority": 3, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
            ]
            try await channel.declare(Queue("q", arguments: arguments))
            for (text, priority) in [("low", 0), ("high", 3), ("middle", 2), ("low again", 0)] as [(String, UInt8)] {
                let message = Message(text, properties: BasicProperties(priority: priority))
                try await channel.publish(message, key: "q")
                try await channel.expectReady(1, in: "q")
                try await channel.get("q")
            }
            try await channel.nack(4, multiple: true, requeue: false)
            let dead = try await session.contents(of: "dead", count: 4)
            #expect(dead == ["low", "high", "middle", "low again"])
        }
    }
}
