import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct TransactionCases {
    @Test func publicationsAppearAtTheCommit() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.txSelect)
            try await channel.publish("1", "2", key: "q")
            #expect(try await channel.get("q") == nil)
            try await channel.call(.txCommit)
            #expect(try await session.contents(of: "q", count: 2) == ["1", "2"])
        }
    }

    @Test func aRollbackForgetsPublications() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.txSelect)
            try await channel.publish("1", key: "q")
            try await channel.call(.txRollback)
            try await channel.publish("2", key: "q")
            try await channel.call(.txCommit)
            #expect(try await session.contents(of: "q", count: 1) == ["2"])
        }
    }

    @Test func acksTakeEffectAtTheCommit() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.qos(1)
            try await channel.call(.txSelect)
            try await channel.consume("q", tag: "c")
            try await channel.deliveries()
            try await channel.ack(1)
            // The next message would have gone to the consumer, had the ack been heeded.
            #expect(try await channel.get("q")?.delivery.text == "2")
            try await channel.call(.txCommit)
            #expect(try await channel.deliveries().map(\.text) == ["3"])
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 2) == ["2 again", "3 again"])
        }
    }

    @Test func acksThatWereRolledBackCanBeGivenAgain() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            try await channel.call(.txSelect)
            try await channel.get("q")
            try await channel.get("q")
            try await channel.ack(2, multiple: true)
            try await channel.call(.txRollback)
            try await channel.ack(1)
            try await channel.call(.txCommit)
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 1) == ["2 again"])
        }
    }

    @Test func rejectsTakeEffectAtTheCommit() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3")
            try await channel.call(.txSelect)
            for _ in 1...3 { try await channel.get("q") }
            try await channel.reject(1, requeue: true)
            try await channel.reject(2, requeue: false)
            try await channel.nack(3, requeue: true)
            #expect(try await channel.get("q") == nil)
            try await channel.call(.txCommit)
            #expect(try await session.contents(of: "q", count: 2) == ["1 again", "3 again"])
        }
    }

    @Test func theEndOfTheChannelRollsBack() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1")
            try await channel.call(.txSelect)
            try await channel.get("q")
            try await channel.ack(1)
            try await channel.publish("2", key: "q")
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 1) == ["1 again"])
        }
    }

    @Test func aTransactionFollowsTheOther() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.txSelect)
            try await channel.call(.txSelect)
            try await channel.call(.txCommit)
            try await channel.publish("1", key: "q")
            try await channel.call(.txCommit)
            try await channel.call(.txRollback)
            try await channel.publish("2", key: "q")
            try await channel.call(.txCommit)
            #expect(try await session.contents(of: "q", count: 2) == ["1", "2"])
        }
    }

    @Test func mandatoryMessagesReturnAtTheCommit() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.call(.txSelect)
            try await channel.publish("1", key: "nowhere", mandatory: true)
            #expect(try await channel.leftovers().isEmpty)
            try await channel.call(.txCommit)
            #expect(try await channel.returns().count == 1)
        }
    }

    @Test func aMissingExchangeIsFoundOutAtOnce() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.txSelect)
            try await channel.publish("1", key: "q")
            let publish = AMQPMethod.basicPublish(Message("2"), to: "nope", key: "q")
            let text = "channel 404 NOT_FOUND - no exchange 'nope' in vhost '/'"
            #expect(try await channel.refusal(of: publish) == text)
            #expect(try await session.contents(of: "q", count: 0) == [])
        }
    }

    @Test func anUnknownTagIsFoundOutAtOnce() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.call(.txSelect)
            let text = "channel 406 PRECONDITION_FAILED - unknown delivery tag 1"
            #expect(try await channel.refusal(of: .basicAck(1)) == text)
        }
    }

    @Test(arguments: [.txCommit, .txRollback] as [AMQPMethod])
    func withoutSelectThereIsNoTransaction(method: AMQPMethod) async throws {
        try await conform { session in
            let channel = try await session.channel()
            let text = "channel 406 PRECONDITION_FAILED - channel is not transactional"
            #expect(try await channel.refusal(of: method) == text)
        }
    }

    @Test func aQueueMustBeThereAtTheCommitOnly() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let other = try await session.channel()
            try await other.declare(Queue("gone"))
            try await channel.call(.txSelect)
            try await channel.publish("1", key: "coming", mandatory: true)
            try await channel.publish("2", key: "gone", mandatory: true)
            try await other.declare(Queue("coming"))
            try await other.delete(queue: "gone")
            try await channel.call(.txCommit)
            #expect(try await channel.returns().map(\.routingKey) == ["gone"])
            #expect(try await session.contents(of: "coming", count: 1) == ["1"])
        }
    }

    @Test func aMessageIsRoutedWhenItIsPublished() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let other = try await session.channel()
            for queue in ["early", "late"] { try await other.declare(Queue(queue)) }
            try await other.bind("early", to: "amq.topic", key: "#")
            try await channel.call(.txSelect)
            try await channel.publish("1", to: "amq.topic", key: "k")
            // Answered, the channel has the message before it.
            _ = try await channel.declare(Queue("early"), passive: true)
            try await other.call(.queueUnbind("early", from: "amq.topic", key: "#"))
            try await other.bind("late", to: "amq.topic", key: "#")
            try await channel.call(.txCommit)
            #expect(try await session.contents(of: "early", count: 1) == ["1"])
            #expect(try await session.contents(of: "late", count: 0) == [])
        }
    }
}
