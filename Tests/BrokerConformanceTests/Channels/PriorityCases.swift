import EnokiBroker
import EnokiTestSupport
import Testing

/// Queues with `x-max-priority`.
@Suite(.timeLimit(.minutes(5))) struct PriorityCases {
    @Test func higherPrioritiesComeFirstAndNoneIsZero() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q", arguments: ["x-max-priority": 5]))
            try await channel.publish("none", key: "q")
            for (text, priority) in [("0", 0), ("3", 3), ("5", 5), ("3 too", 3), ("1", 1)] as [(String, UInt8)] {
                try await channel.publish(Message(text, priority: priority), key: "q")
            }
            #expect(try await session.contents(of: "q", count: 6) == ["5", "3", "3 too", "1", "none", "0"])
        }
    }

    @Test func aPriorityAboveTheHighestCountsAsTheHighest() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q", arguments: ["x-max-priority": 2]))
            for (text, priority) in [("2", 2), ("255", 255), ("3", 3)] as [(String, UInt8)] {
                try await channel.publish(Message(text, priority: priority), key: "q")
            }
            try await channel.expectReady(3, in: "q")
            try await channel.consume("q", tag: "c")
            let deliveries = try await channel.deliveries(3)
            #expect(deliveries.map(\.text) == ["2", "255", "3"])
            #expect(deliveries.map(\.message.properties.priority) == [2, 255, 3])
        }
    }

    @Test func aHighestPriorityOfZeroMakesAllEqual() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q", arguments: ["x-max-priority": 0]))
            for priority in [0, 200, 7] as [UInt8] {
                try await channel.publish(Message("\(priority)", priority: priority), key: "q")
            }
            #expect(try await session.contents(of: "q", count: 3) == ["0", "200", "7"])
        }
    }

    @Test func withoutTheArgumentPrioritiesMeanNothing() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            for priority in [0, 200, 7] as [UInt8] {
                try await channel.publish(Message("\(priority)", priority: priority), key: "q")
            }
            #expect(try await session.contents(of: "q", count: 3) == ["0", "200", "7"])
        }
    }

    @Test func aRequeuedMessageGoesBackToItsPlaceInItsPriority() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q", arguments: ["x-max-priority": 5]))
            for (text, priority) in [("low 1", 1), ("low 2", 1), ("high 1", 2)] as [(String, UInt8)] {
                try await channel.publish(Message(text, priority: priority), key: "q")
            }
            let high = try await channel.hold(from: "q", ready: 3)
            let low = try await channel.hold(from: "q", ready: 2)
            try await channel.publish(Message("high 2", priority: 2), key: "q")
            for tag in [high, low] { try await channel.reject(tag) }
            let contents = try await session.contents(of: "q", count: 4)
            #expect(contents == ["high 1 again", "high 2", "low 1 again", "low 2"])
        }
    }

    /// The documentation says that the lowest go first; what RabbitMQ drops is what it would deliver next.
    @Test func aFullQueueDropsWhatItWouldDeliverNext() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            for (name, queue) in [
                ("lettered", Queue("lettered", deadLettersTo: "dlx", ["x-max-priority": 5, "x-max-length": 2])),
                ("plain", Queue("plain", arguments: ["x-max-priority": 5, "x-max-length": 2])),
            ] {
                try await channel.declare(queue)
                for (text, priority) in [("5", 5), ("1", 1), ("1 too", 1), ("3", 3), ("0", 0)] as [(String, UInt8)] {
                    try await channel.publish(Message(text, priority: priority), key: name)
                }
            }
            #expect(try await session.contents(of: "dead", count: 3) == ["5", "3", "1"])
            #expect(try await session.contents(of: "lettered", count: 2) == ["1 too", "0"])
            #expect(try await session.contents(of: "plain", count: 2) == ["1 too", "0"])
        }
    }

    @Test func anExpiredMessageWaitsForAllOfHigherPriority() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("q", deadLettersTo: "dlx", ["x-max-priority": 5]))
            try await channel.publish(Message("high", priority: 5), key: "q")
            try await channel.expectReady(1, in: "q")
            var low = Message("low", priority: 1)
            low.properties.expiration = .milliseconds(1)
            try await channel.publish(low, key: "q")
            try await session.advance(by: .milliseconds(20))
            try await channel.hold(from: "q", ready: 2)
            #expect(try await session.contents(of: "dead", count: 1) == ["low"])
        }
    }

    @Test func expiredMessagesDieInTheOrderOfTheirPriority() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("q", deadLettersTo: "dlx", ["x-max-priority": 5]))
            // The head keeps all of them until it goes.
            try await channel.publish(Message("head", priority: 5), key: "q")
            for (text, priority) in [("1", 1), ("3", 3), ("1 too", 1)] as [(String, UInt8)] {
                var message = Message(text, priority: priority)
                message.properties.expiration = .milliseconds(1)
                try await channel.publish(message, key: "q")
            }
            try await session.advance(by: .milliseconds(20))
            try await channel.hold(from: "q", ready: 4)
            #expect(try await session.contents(of: "dead", count: 3) == ["3", "1", "1 too"])
        }
    }

    @Test func rejectedMessagesDieInTheOrderOfTheirTags() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("q", deadLettersTo: "dlx", ["x-max-priority": 5]))
            for (text, priority) in [("1", 1), ("5", 5)] as [(String, UInt8)] {
                try await channel.publish(Message(text, priority: priority), key: "q")
                try await channel.hold(from: "q")
            }
            try await channel.nack(2, multiple: true, requeue: false)
            #expect(try await session.contents(of: "dead", count: 2) == ["1", "5"])
        }
    }

    @Test func aConsumerThatWaitsGetsWhateverComes() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q", arguments: ["x-max-priority": 5]))
            try await channel.qos(1)
            try await channel.consume("q", tag: "c")
            for (text, priority) in [("1", 1), ("2", 2), ("5", 5)] as [(String, UInt8)] {
                try await channel.publish(Message(text, priority: priority), key: "q")
            }
            try await channel.expectReady(2, in: "q")
            var texts: [String] = []
            for tag in 1...3 as ClosedRange<UInt64> {
                texts += try await channel.deliveries().map(\.text)
                try await channel.ack(tag)
            }
            #expect(texts == ["1", "5", "2"])
        }
    }
}
