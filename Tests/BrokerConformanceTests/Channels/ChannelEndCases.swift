import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ChannelEndCases {
    @Test func anErrorRequeuesWhatTheChannelHad() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("one"), holding: "1", "2", "3")
            try await channel.queue(Queue("two"), holding: "4", "5")
            try await channel.consume("one", tag: "c")
            try await channel.deliveries(3)
            try await channel.get("two")
            try await channel.ack(2)
            #expect(try await channel.refusal(of: .basicGet("nope")).hasPrefix("channel 404 NOT_FOUND"))
            #expect(try await session.contents(of: "one", count: 2) == ["1 again", "3 again"])
            #expect(try await session.contents(of: "two", count: 2) == ["4 again", "5"])
        }
    }

    @Test func anErrorEndsTheChannelsConsumers() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.consume("q", tag: "c")
            #expect(try await channel.refusal(of: .queuePurge("nope")).hasPrefix("channel 404 NOT_FOUND"))
            try await session.expectConsumers(0, of: "q")
            try await session.channel().publish("1", key: "q")
            #expect(try await session.contents(of: "q", count: 1) == ["1"])
        }
    }

    @Test func anErrorLeavesOtherChannelsAlive() async throws {
        try await conform { session in
            let failing = try await session.channel()
            let other = try await session.channel()
            try await other.queue(Queue("q"), holding: "1", "2")
            try await other.qos(1)
            try await other.consume("q", tag: "c")
            try await other.deliveries()
            #expect(try await failing.refusal(of: .basicAck(9)).hasPrefix("channel 406 PRECONDITION_FAILED"))
            try await other.ack(1)
            #expect(try await other.deliveries().map(\.mark) == ["2"])
            try await other.ack(2)
        }
    }

    @Test func anErrorOfPublishingEndsTheChannel() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.publish("1", key: "q")
            let publish = AMQPMethod.basicPublish(Message("2"), to: "nope", key: "q")
            let text = "channel 404 NOT_FOUND - no exchange 'nope' in vhost '/'"
            #expect(try await channel.refusal(of: publish) == text)
            #expect(try await session.contents(of: "q", count: 1) == ["1"])
        }
    }

    @Test func anotherUsersNameIsRefused() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let message = Message("1", properties: BasicProperties(userID: "ada"))
            #expect(
                try await channel.refusal(of: .basicPublish(message, to: "", key: "q"))
                    == "channel 406 PRECONDITION_FAILED - user_id property set to 'ada' but authenticated user was 'guest'"
            )
        }
    }

    @Test func anExclusiveQueueOutlivesTheChannelThatDeclaredIt() async throws {
        try await conform { session in
            let first = try await session.channel()
            try await first.declare(Queue("q", durable: false, exclusive: true))
            try await first.close()
            try await session.channel().declare(Queue("q"), passive: true)
        }
    }

    @Test func aClosedChannelRequeuesOnlyItsOwn() async throws {
        try await conform { session in
            let first = try await session.channel()
            let second = try await session.channel()
            try await first.queue(Queue("q"), holding: "1", "2", "3", "4")
            for _ in 1...2 {
                try await first.get("q")
                try await second.get("q")
            }
            try await first.close()
            #expect(try await session.contents(of: "q", count: 2) == ["1 again", "3 again"])
            try await second.close()
            #expect(try await session.contents(of: "q", count: 2) == ["2 again", "4 again"])
        }
    }

    @Test func whatAClosedChannelHadGoesToAWaitingConsumer() async throws {
        try await conform { session in
            let first = try await session.channel()
            let second = try await session.connect().channel()
            try await first.queue(Queue("q"), holding: "1", "2")
            try await first.consume("q", tag: "c")
            try await first.deliveries(2)
            try await second.consume("q", tag: "c")
            try await first.close()
            #expect(try await second.deliveries(2).map(\.mark) == ["1 again", "2 again"])
        }
    }

    @Test func channelFlowCanOnlyBeOn() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.call(.channelFlow(active: true))
            let text = "connection 540 NOT_IMPLEMENTED - active=false"
            #expect(try await channel.refusal(of: .channelFlow(active: false)) == text)
        }
    }
}
