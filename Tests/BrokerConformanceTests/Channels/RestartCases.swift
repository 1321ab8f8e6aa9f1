import EnokiBroker
import EnokiTestSupport
import EnokiTestTraits
import Testing

/// What outlives a restart of the broker.
@Suite(.ownRabbitMQ, .timeLimit(.minutes(5))) struct RestartCases {
    @Test func aRestartEndsConnectionsWithItsReason() async throws {
        try await conform { session in
            let (channel, other) = (try await session.channel(), try await session.connect().channel())
            try await session.restart()
            for channel in [channel, other] {
                #expect(
                    try await channel.closure().summary
                        == "connection 320 CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
                )
            }
        }
    }

    @Test func durableExchangesStay() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("plain", .direct))
            try await channel.declare(Exchange("auto", .direct, autoDelete: true))
            try await channel.declare(Exchange("inner", .direct, isInternal: true))
            try await channel.declare(Exchange("transient", .direct, durable: false))
            try await channel.declare(Exchange("main", .direct, arguments: ["alternate-exchange": "plain"]))
            try await session.restart()
            let after = try await session.channel()
            try await after.declare(Exchange("plain", .direct))
            try await after.declare(Exchange("auto", .direct, autoDelete: true))
            try await after.declare(Exchange("inner", .direct, isInternal: true))
            try await after.declare(Exchange("main", .direct, arguments: ["alternate-exchange": "plain"]))
            try await session.expectNoExchange("transient")
        }
    }

    @Test func durableQueuesStayUnlessTheyBelongToSomebody() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("plain", arguments: ["x-max-length": 5]))
            try await channel.declare(Queue("transient", durable: false))
            try await channel.declare(Queue("mine", exclusive: true))
            try await channel.declare(Queue("auto", autoDelete: true))
            try await channel.declare(Queue("consumed", autoDelete: true))
            try await channel.consume("consumed", tag: "c")
            try await session.restart()
            let after = try await session.channel()
            try await after.declare(Queue("plain", arguments: ["x-max-length": 5]))
            try await after.declare(Queue("auto", autoDelete: true))
            for gone in ["transient", "mine", "consumed"] { try await session.expectNoQueue(gone) }
        }
    }

    @Test func persistentMessagesStayInDurableQueues() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.confirmSelect)
            for (text, mode) in [("1", .persistent), ("2", .transient), ("3", nil), ("4", .persistent)]
                as [(String, BasicProperties.DeliveryMode?)]
            {
                try await channel.publish(Message(text, properties: BasicProperties(deliveryMode: mode)), key: "q")
            }
            try await channel.confirms()
            try await session.restart()
            #expect(try await session.contents(of: "q", count: 2) == ["1", "4"])
        }
    }

    @Test func messagesInHandAreBackAndRedelivered() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.confirmSelect)
            for text in ["1", "2", "3", "4"] { try await channel.publish(.persistent(text), key: "q") }
            try await channel.confirms()
            for ready in [4, 3, 2] { try await channel.hold(from: "q", ready: ready) }
            try await channel.reject(2)
            try await channel.expectReady(2, in: "q")
            try await session.restart()
            #expect(try await session.contents(of: "q", count: 4) == ["1 again", "2 again", "3 again", "4"])
        }
    }

    @Test func acknowledgedMessagesAreGone() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.confirmSelect)
            for text in ["1", "2", "3"] { try await channel.publish(.persistent(text), key: "q") }
            try await channel.confirms()
            try await channel.ack(try await channel.hold(from: "q", ready: 3))
            try await channel.get("q", noAck: true)
            try await channel.expectReady(1, in: "q")
            try await session.restart()
            #expect(try await session.contents(of: "q", count: 1) == ["3"])
        }
    }

    @Test func bindingsStayBetweenWhatStays() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("outer", .fanout))
            try await channel.declare(Exchange("inner", .direct))
            try await channel.declare(Exchange("transient", .fanout, durable: false))
            try await channel.declare(Queue("q"))
            try await channel.declare(Queue("other"))
            try await channel.declare(Queue("gone", durable: false))
            try await channel.bind("q", to: "inner", key: "k")
            try await channel.bind("gone", to: "inner", key: "k")
            try await channel.bind("other", to: "transient")
            try await channel.call(.exchangeBind("inner", to: "outer"))
            try await channel.call(.exchangeBind("transient", to: "outer"))
            try await session.restart()
            let after = try await session.channel()
            try await after.declare(Exchange("transient", .fanout, durable: false))
            try await after.declare(Queue("gone", durable: false))
            try await after.publish("m", to: "outer", key: "k", mandatory: true)
            #expect(try await session.contents(of: "q", count: 1) == ["m"])
            for queue in ["gone", "other"] { try await session.expectReady(0, in: queue) }
        }
    }

    @Test func prioritiesAndOrderStay() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q", arguments: ["x-max-priority": 5]))
            try await channel.call(.confirmSelect)
            for (text, priority) in [("1", 1), ("3", 3), ("1 too", 1), ("3 too", 3)] as [(String, UInt8)] {
                var message = Message.persistent(text)
                message.properties.priority = priority
                try await channel.publish(message, key: "q")
            }
            try await channel.confirms()
            try await session.restart()
            #expect(try await session.contents(of: "q", count: 4) == ["3", "3 too", "1", "1 too"])
        }
    }

    @Test func deathsOutliveTheBroker() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            try await channel.publish(.persistent("m"), key: "work")
            try await channel.rejectOne(from: "work")
            try await channel.expectReady(1, in: "dead")
            try await session.restart()
            let after = try await session.channel()
            #expect(try await after.take(from: "dead").deathSummaries == ["work rejected 1"])
        }
    }

    @Test func aTimeToLiveDoesNotStartAnew() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            // By the queue: of a message's own expiration RabbitMQ says nothing in x-death where it has passed meanwhile.
            var work = Queue("work", deadLettersTo: "dlx")
            // Longer than a restart may take on a machine that is busy.
            work.arguments["x-message-ttl"] = 60_000
            try await channel.declare(work)
            try await channel.call(.confirmSelect)
            try await channel.publish(.persistent("m"), key: "work")
            try await channel.confirms()
            try await session.advance(by: .seconds(10))
            let restart = ContinuousClock.now
            try await session.restart()
            try await session.expectReady(1, in: "work")
            let after = try await session.channel()
            // By the broker's clock, which may be virtual, the fifty seconds that are left, and not sixty.
            var waited = Duration.zero
            while waited < .seconds(52), try await after.readyCount(of: "dead") == 0 {
                try await session.peer.advance(by: .seconds(1))
                waited += .seconds(1)
            }
            #expect(ContinuousClock.now - restart < .seconds(60))
            #expect(try await after.take(from: "dead").deathSummaries == ["work expired 1"])
        }
    }
}

extension SessionChannel {
    /// How many messages of a queue are ready at this moment, without a word in the trace.
    fileprivate func readyCount(of queue: String) async throws -> Int {
        let reply = try await self.peer.call(.queueDeclare(Queue(queue), passive: true))
        guard case .queue(let status) = reply else { return 0 }
        return status.messageCount
    }
}

extension Message {
    /// A message that a restart may not lose.
    fileprivate static func persistent(_ text: String) -> Message {
        Message(text, properties: BasicProperties(deliveryMode: .persistent))
    }
}
