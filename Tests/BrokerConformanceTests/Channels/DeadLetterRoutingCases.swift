import EnokiBroker
import EnokiTestSupport
import Testing

/// Where dead letters go.
@Suite(.timeLimit(.minutes(5))) struct DeadLetterRoutingCases {
    @Test func withoutAKeyOfTheQueueTheMessageKeepsItsOwn() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("dlx", .direct))
            try await channel.declare(Exchange("in", .fanout))
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            try await channel.bind("work", to: "in")
            for key in ["mine", "work"] {
                try await channel.declare(Queue("dead-\(key)"))
                try await channel.bind("dead-\(key)", to: "dlx", key: key)
            }
            try await channel.publish("m", to: "in", key: "mine")
            try await channel.rejectOne(from: "work")
            let dead = try await channel.take(from: "dead-mine")
            #expect((dead.exchange, dead.routingKey) == ("dlx", "mine"))
            #expect(dead.deaths.first?["exchange"] == "in")
            try await session.expectReady(0, in: "dead-work")
        }
    }

    @Test func theQueuesKeyReplacesTheMessages() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("dlx", .direct))
            try await channel.declare(Queue("dead"))
            try await channel.bind("dead", to: "dlx", key: "other")
            try await channel.queue(Queue("work", deadLettersTo: "dlx", key: "other"), holding: "m")
            try await channel.rejectOne(from: "work")
            let dead = try await channel.take(from: "dead")
            #expect(dead.routingKey == "other")
            #expect(dead.deaths.first?["routing-keys"] == ["work"])
        }
    }

    @Test func anEmptyKeyIsAKey() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.queue(Queue("work", deadLettersTo: "dlx", key: ""), holding: "m")
            try await channel.rejectOne(from: "work")
            #expect(try await channel.take(from: "dead").routingKey == "")
        }
    }

    @Test func withoutAKeyOfTheQueueCarbonCopiesAreRoutedAgain() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("dlx", .direct))
            for key in ["to", "cc", "bcc"] {
                try await channel.declare(Queue("dead-\(key)"))
                try await channel.bind("dead-\(key)", to: "dlx", key: key)
            }
            try await channel.declare(Exchange("in", .fanout))
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            try await channel.bind("work", to: "in")
            let message = Message("m", headers: ["CC": ["cc"], "BCC": ["bcc"]])
            try await channel.publish(message, to: "in", key: "to")
            try await channel.rejectOne(from: "work")
            for key in ["to", "cc", "bcc"] {
                let dead = try await channel.take(from: "dead-\(key)")
                #expect(dead.routingKey == "to")
                #expect(dead.message.properties.headers["CC"] == ["cc"])
                #expect(dead.message.properties.headers["BCC"] == nil)
                #expect(dead.deaths.first?["routing-keys"] == ["to", "cc"])
            }
        }
    }

    @Test func theQueuesKeyRemovesTheCarbonCopies() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("dead"))
            try await channel.declare(Queue("copied"))
            try await channel.declare(Queue("work", deadLettersTo: "", key: "dead"))
            try await channel.declare(Exchange("in", .fanout))
            try await channel.bind("work", to: "in")
            try await channel.publish(Message("m", headers: ["CC": ["copied"]]), to: "in", key: "k")
            try await channel.rejectOne(from: "work")
            let dead = try await channel.take(from: "dead")
            #expect(dead.message.properties.headers["CC"] == nil)
            #expect(dead.deaths.first?["routing-keys"] == ["k", "copied"])
            try await session.expectReady(0, in: "copied")
        }
    }

    @Test func anExchangeThatIsNotThereLosesDeadLettersUntilItIs() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("work", deadLettersTo: "dlx"), holding: "lost")
            try await channel.rejectOne(from: "work")
            try await channel.expectReady(0, in: "work")
            try await channel.collectDeadLetters()
            try await channel.publish("kept", key: "work")
            try await channel.rejectOne(from: "work")
            #expect(try await session.contents(of: "dead", count: 1) == ["kept"])
        }
    }

    @Test func anAlternateExchangeTakesDeadLettersWithoutARoute() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters(of: "alternate")
            try await channel.declare(Exchange("dlx", .direct, arguments: ["alternate-exchange": "alternate"]))
            try await channel.queue(Queue("work", deadLettersTo: "dlx"), holding: "m")
            try await channel.rejectOne(from: "work")
            let dead = try await channel.take(from: "dead")
            #expect(dead.exchange == "dlx")
        }
    }

    @Test func anInternalExchangeTakesDeadLetters() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("dlx", .fanout, isInternal: true))
            try await channel.declare(Queue("dead"))
            try await channel.bind("dead", to: "dlx")
            try await channel.queue(Queue("work", deadLettersTo: "dlx"), holding: "m")
            try await channel.rejectOne(from: "work")
            #expect(try await session.contents(of: "dead", count: 1) == ["m"])
        }
    }

    @Test func aHeadersExchangeSeesTheHeadersOfTheDeath() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("dlx", .headers))
            for reason in ["rejected", "expired"] {
                try await channel.declare(Queue("dead-\(reason)"))
                let arguments: Headers = ["x-match": "any-with-x", "x-first-death-reason": .string(reason)]
                try await channel.bind("dead-\(reason)", to: "dlx", arguments: arguments)
            }
            try await channel.queue(Queue("work", deadLettersTo: "dlx"), holding: "m")
            try await channel.rejectOne(from: "work")
            #expect(try await session.contents(of: "dead-rejected", count: 1) == ["m"])
            try await session.expectReady(0, in: "dead-expired")
        }
    }

    @Test func aCycleWithoutARejectEnds() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("one", deadLettersTo: "", key: "two", ["x-message-ttl": 1]))
            try await channel.declare(Exchange("back", .fanout))
            try await channel.declare(Queue("two", deadLettersTo: "back", ["x-message-ttl": 1]))
            try await channel.declare(Queue("out"))
            try await channel.bind("one", to: "back")
            try await channel.bind("out", to: "back")
            try await channel.publish("m", key: "one")
            try await session.advance(by: .milliseconds(20))
            #expect(try await channel.take(from: "out").deathSummaries == ["two expired 1", "one expired 1"])
            try await session.expectReady(0, in: "one")
        }
    }

    @Test func anExpiredMessageDoesNotComeBackToItsQueue() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("work", deadLettersTo: ""))
            try await channel.publish(Message("gone", expiringAfter: .zero), key: "work")
            try await channel.publish("here", key: "work")
            #expect(try await session.contents(of: "work", count: 1) == ["here"])
        }
    }

    @Test func aDroppedMessageDoesNotComeBackToItsQueue() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("work", deadLettersTo: "", ["x-max-length": 1]))
            try await channel.call(.confirmSelect)
            try await channel.publish("old", "new", key: "work")
            try await channel.confirms()
            #expect(try await session.contents(of: "work", count: 1) == ["new"])
        }
    }

    @Test func aRejectedMessageComesBackAsOftenAsItIsRejected() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("work", deadLettersTo: ""), holding: "m")
            for _ in 1...3 { try await channel.rejectOne(from: "work") }
            let back = try await channel.take(from: "work")
            #expect(back.deathSummaries == ["work rejected 3"])
            #expect(!back.redelivered)
        }
    }

    /// RabbitMQ turns the order of the older deaths at each new one, and looks for cycles in that order: so the way that was
    /// open at first is closed the second time, though the same reject is on it.
    @Test func theOrderOfTheDeathsDecidesWhatIsACycle() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("work", deadLettersTo: "", key: "wait"))
            try await channel.declare(Queue("wait", deadLettersTo: "", key: "again", ["x-message-ttl": 1]))
            try await channel.declare(Queue("again", deadLettersTo: "", key: "work", ["x-message-ttl": 1]))
            try await channel.publish("m", key: "work")
            try await channel.rejectOne(from: "work")
            try await session.advance(by: .milliseconds(20))
            try await channel.expectReady(1, in: "work")
            let back = try #require(try await channel.get("work")).delivery
            #expect(back.deathSummaries == ["again expired 1", "work rejected 1", "wait expired 1"])
            try await channel.reject(back.deliveryTag, requeue: false)
            try await session.advance(by: .milliseconds(20))
            for queue in ["wait", "again", "work"] { try await session.expectReady(0, in: queue) }
        }
    }

    @Test func aRejectBeforeTheCycleDoesNotKeepItAlive() async throws {
        try await conform { session in
            let channel = try await session.channel()
            // The deaths of the cycle, newest first, end with the queue's own: the reject before it does not count.
            try await channel.declare(Queue("start", deadLettersTo: "", key: "one"))
            try await channel.declare(Queue("one", deadLettersTo: "two", ["x-message-ttl": 1]))
            try await channel.collectDeadLetters(of: "two", in: "out")
            try await channel.bind("one", to: "two")
            try await channel.queue(Queue("start", deadLettersTo: "", key: "one"), holding: "m")
            try await channel.rejectOne(from: "start")
            try await session.advance(by: .milliseconds(20))
            #expect(try await channel.take(from: "out").deathSummaries == ["one expired 1", "start rejected 1"])
            try await session.expectReady(0, in: "one")
        }
    }
}
