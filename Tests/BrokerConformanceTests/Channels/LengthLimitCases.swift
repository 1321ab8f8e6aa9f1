import EnokiBroker
import EnokiTestSupport
import Testing

/// What a full queue does.
@Suite(.timeLimit(.minutes(5))) struct LengthLimitCases {
    @Test func aFullQueueDropsItsHeadAndConfirms() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("full", arguments: ["x-max-length": 2]))
            try await channel.call(.confirmSelect)
            try await channel.publish("1", "2", "3", "4", key: "full")
            #expect(try await channel.confirms() == [])
            #expect(try await session.contents(of: "full", count: 2) == ["3", "4"])
        }
    }

    @Test func messagesInHandDoNotCount() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("full", arguments: ["x-max-length": 2]), holding: "1", "2")
            try await channel.hold(from: "full", ready: 2)
            try await channel.hold(from: "full", ready: 1)
            try await channel.publish("3", "4", key: "full")
            #expect(try await session.contents(of: "full", count: 2) == ["3", "4"])
        }
    }

    @Test func aRequeueToAFullQueueDropsItsHead() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.queue(Queue("full", deadLettersTo: "dlx", ["x-max-length": 2]), holding: "1", "2")
            let tag = try await channel.hold(from: "full", ready: 2)
            try await channel.publish("3", key: "full")
            try await channel.expectReady(2, in: "full")
            try await channel.reject(tag)
            // It goes back to its place, which is the head.
            #expect(try await channel.take(from: "dead").text == "1")
            #expect(try await session.contents(of: "full", count: 2) == ["2", "3"])
        }
    }

    @Test func aFullQueueThatRejectsPublishingNacks() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            let arguments: Headers = ["x-max-length": 2, "x-overflow": "reject-publish"]
            try await channel.declare(Queue("full", deadLettersTo: "dlx", arguments))
            try await channel.call(.confirmSelect)
            try await channel.publish("1", "2", "3", "4", key: "full")
            #expect(try await channel.confirms() == [3, 4])
            #expect(try await session.contents(of: "full", count: 2) == ["1", "2"])
            try await session.expectReady(0, in: "dead")
        }
    }

    @Test func aFullQueueMayDeadLetterWhatItRejects() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            let arguments: Headers = ["x-max-length": 1, "x-overflow": "reject-publish-dlx"]
            try await channel.declare(Queue("full", deadLettersTo: "dlx", arguments))
            try await channel.call(.confirmSelect)
            try await channel.publish("1", "2", key: "full")
            #expect(try await channel.confirms() == [2])
            let dead = try await channel.take(from: "dead")
            #expect(dead.text == "2")
            #expect(dead.deathSummaries == ["full maxlen 1"])
        }
    }

    @Test func withoutConfirmsARejectedMessageIsSilentlyGone() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let queue = Queue("full", arguments: ["x-max-length": 1, "x-overflow": "reject-publish"])
            try await channel.queue(queue, holding: "1")
            try await channel.publish("2", key: "full", mandatory: true)
            #expect(try await channel.leftovers().isEmpty)
            #expect(try await session.contents(of: "full", count: 1) == ["1"])
        }
    }

    @Test func oneFullQueueOfSeveralNacksAndTheOthersKeepTheMessage() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("all", .fanout))
            try await channel.declare(Queue("full", arguments: ["x-max-length": 1, "x-overflow": "reject-publish"]))
            try await channel.declare(Queue("roomy"))
            for queue in ["full", "roomy"] { try await channel.bind(queue, to: "all") }
            try await channel.call(.confirmSelect)
            try await channel.publish("1", "2", to: "all", key: "", mandatory: true)
            #expect(try await channel.confirms() == [2])
            #expect(try await session.contents(of: "full", count: 1) == ["1"])
            #expect(try await session.contents(of: "roomy", count: 2) == ["1", "2"])
        }
    }

    @Test func aQueueWithoutRoomServesAConsumerThatWaits() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("none", deadLettersTo: "dlx", ["x-max-length": 0]))
            try await channel.publish("nobody", key: "none")
            #expect(try await channel.take(from: "dead").text == "nobody")
            try await channel.qos(1)
            try await channel.consume("none", tag: "c")
            try await channel.publish("taken", "dropped", key: "none")
            #expect(try await channel.deliveries().map(\.text) == ["taken"])
            #expect(try await channel.take(from: "dead").text == "dropped")
        }
    }

    @Test func aQueueWithoutRoomThatRejectsPublishingServesNobody() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("none", arguments: ["x-max-length": 0, "x-overflow": "reject-publish"]))
            try await channel.consume("none", tag: "c")
            try await channel.call(.confirmSelect)
            try await channel.publish("m", key: "none")
            #expect(try await channel.confirms() == [1])
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func bytesAreThoseOfBodies() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("full", arguments: ["x-max-length-bytes": 10]))
            let headers: Headers = ["long": .string(String(repeating: "x", count: 100))]
            for text in ["aaaa", "bbbb", "cc"] {
                try await channel.publish(Message(text, headers: headers), key: "full")
            }
            try await channel.expectReady(3, in: "full")
            try await channel.publish("d", key: "full")
            #expect(try await session.contents(of: "full", count: 3) == ["bbbb", "cc", "d"])
        }
    }

    @Test func aMessageThatIsTooBigEmptiesTheQueue() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.queue(Queue("full", deadLettersTo: "dlx", ["x-max-length-bytes": 3]), holding: "aa")
            try await channel.publish("bbbb", key: "full")
            #expect(try await session.contents(of: "dead", count: 2) == ["aa", "bbbb"])
            try await session.expectReady(0, in: "full")
        }
    }

    @Test func bytesInHandDoNotCount() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("full", arguments: ["x-max-length-bytes": 4]), holding: "aaaa")
            try await channel.hold(from: "full")
            try await channel.publish("bbbb", key: "full")
            #expect(try await session.contents(of: "full", count: 1) == ["bbbb"])
        }
    }

    @Test func tooManyBytesAreNacked() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let arguments: Headers = ["x-max-length-bytes": 10, "x-overflow": "reject-publish"]
            try await channel.declare(Queue("full", arguments: arguments))
            try await channel.call(.confirmSelect)
            try await channel.publish("aaaa", "bbbb", "ccc", "dd", "", "e", key: "full")
            #expect(try await channel.confirms() == [3, 6])
            #expect(try await session.contents(of: "full", count: 4) == ["aaaa", "bbbb", "dd", ""])
        }
    }

    @Test func bothLimitsHold() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("full", arguments: ["x-max-length": 2, "x-max-length-bytes": 10]))
            try await channel.publish("aaaa", "bbbb", "c", key: "full")
            try await channel.expectReady(2, in: "full")
            try await channel.publish("ddddddddd", key: "full")
            #expect(try await session.contents(of: "full", count: 2) == ["c", "ddddddddd"])
        }
    }

    @Test func aTransactionThatAFullQueueRejectsEndsTheChannel() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("full", arguments: ["x-max-length": 1, "x-overflow": "reject-publish"]))
            try await channel.call(.txSelect)
            try await channel.publish("1", "2", key: "full")
            #expect(
                try await channel.refusal(of: .txCommit) == "channel 406 PRECONDITION_FAILED - partial tx completion"
            )
            #expect(try await session.contents(of: "full", count: 1) == ["1"])
        }
    }
}
