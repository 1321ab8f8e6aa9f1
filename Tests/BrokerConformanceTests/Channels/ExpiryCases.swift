import EnokiBroker
import EnokiTestSupport
import Testing

/// When messages expire, and when queues do.
@Suite(.timeLimit(.minutes(5))) struct ExpiryCases {
    @Test func anExpiredMessageWaitsBehindALivingHead() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            try await channel.publish(Message("head", expiringAfter: .seconds(60)), key: "work")
            try await channel.publish(Message("short", expiringAfter: .milliseconds(1)), key: "work")
            try await session.advance(by: .milliseconds(20))
            // It is counted, and it goes when the head does.
            try await channel.hold(from: "work", ready: 2)
            #expect(try await session.contents(of: "dead", count: 1) == ["short"])
            try await channel.expectReady(0, in: "work")
        }
    }

    @Test func aGetDoesNotCountWhatExpiredBehindTheHead() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("work"), holding: "head")
            try await channel.publish(Message("short", expiringAfter: .milliseconds(1)), key: "work")
            try await session.advance(by: .milliseconds(20))
            try await channel.publish("last", key: "work")
            try await channel.expectReady(3, in: "work")
            let (delivery, remaining) = try #require(try await channel.get("work"))
            #expect((delivery.text, remaining) == ("head", 1))
        }
    }

    @Test func aConsumerDoesNotGetWhatExpiredBehindTheHead() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("work"), holding: "head")
            try await channel.publish(Message("short", expiringAfter: .milliseconds(1)), key: "work")
            try await session.advance(by: .milliseconds(20))
            try await channel.publish("last", key: "work")
            try await channel.expectReady(3, in: "work")
            try await channel.consume("work", tag: "c")
            #expect(try await channel.deliveries(2).map(\.text) == ["head", "last"])
        }
    }

    @Test func theShorterTimeCounts() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("long", deadLettersTo: "dlx", ["x-message-ttl": 60000]))
            try await channel.publish(Message("its own", expiringAfter: .milliseconds(1)), key: "long")
            try await session.advance(by: .milliseconds(20))
            #expect(try await channel.take(from: "dead").text == "its own")
            try await channel.declare(Queue("short", deadLettersTo: "dlx", ["x-message-ttl": 1]))
            try await channel.publish(Message("the queue's", expiringAfter: .seconds(60)), key: "short")
            try await session.advance(by: .milliseconds(20))
            let dead = try await channel.take(from: "dead")
            #expect(dead.text == "the queue's")
            #expect(dead.deaths.first?["original-expiration"] == "60000")
        }
    }

    @Test func withoutTimeAMessageDiesWhereNobodyWaits() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            try await channel.publish(Message("m", expiringAfter: .zero), key: "work")
            let dead = try await channel.take(from: "dead")
            #expect(dead.deathSummaries == ["work expired 1"])
            #expect(dead.deaths.first?["original-expiration"] == "0")
        }
    }

    @Test func withoutTimeAMessageReachesAWaitingConsumer() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("work", arguments: ["x-message-ttl": 0]))
            try await channel.consume("work", tag: "c")
            try await channel.publish(Message("m", expiringAfter: .zero), key: "work")
            let delivery = try #require(try await channel.deliveries().first)
            #expect(delivery.message.properties.expiration == .zero)
        }
    }

    @Test func withoutTimeAMessageDiesWhereTheConsumerIsBusy() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx", ["x-message-ttl": 0]))
            try await channel.qos(1)
            try await channel.consume("work", tag: "c")
            try await channel.publish("taken", "dies", key: "work")
            #expect(try await channel.deliveries().map(\.text) == ["taken"])
            #expect(try await session.contents(of: "dead", count: 1) == ["dies"])
        }
    }

    @Test func aMessageInHandDoesNotExpire() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            try await channel.consume("work", tag: "c")
            try await channel.publish(Message("m", expiringAfter: .milliseconds(1)), key: "work")
            try await channel.deliveries()
            try await session.advance(by: .milliseconds(20))
            try await channel.ack(1)
            try await channel.publish("last", to: "dlx", key: "")
            #expect(try await session.contents(of: "dead", count: 1) == ["last"])
        }
    }

    @Test func aRequeuedMessageWhoseTimeIsOverDies() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            try await channel.consume("work", tag: "c")
            try await channel.publish(Message("m", expiringAfter: .milliseconds(1)), key: "work")
            try await channel.deliveries()
            try await session.advance(by: .milliseconds(20))
            // Though the consumer waits: expiry comes first.
            try await channel.reject(1)
            #expect(try await channel.take(from: "dead").deathSummaries == ["work expired 1"])
        }
    }

    @Test func aDropUncoversWhatHasExpired() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx", ["x-max-length": 2]))
            try await channel.publish("head", key: "work")
            try await channel.publish(Message("short", expiringAfter: .milliseconds(1)), key: "work")
            try await session.advance(by: .milliseconds(20))
            try await channel.publish("new", key: "work")
            try await channel.expectReady(2, in: "dead")
            let reasons = [try await channel.take(from: "dead", ready: 2), try await channel.take(from: "dead")]
            #expect(reasons.flatMap(\.deathSummaries) == ["work maxlen 1", "work expired 1"])
            #expect(try await session.contents(of: "work", count: 1) == ["new"])
        }
    }

    @Test func expiredMessagesDieInTheOrderOfTheQueue() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            // The head keeps all of them until it goes.
            try await channel.publish("head", key: "work")
            for (text, time) in [("1", 3), ("2", 1), ("3", 2)] {
                try await channel.publish(Message(text, expiringAfter: .milliseconds(time)), key: "work")
            }
            try await session.advance(by: .milliseconds(20))
            try await channel.hold(from: "work", ready: 4)
            #expect(try await session.contents(of: "dead", count: 3) == ["1", "2", "3"])
        }
    }

    @Test func anExpiredMessageWithoutADeadLetterExchangeIsGone() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("work"))
            try await channel.publish(Message("m", expiringAfter: .milliseconds(1)), key: "work")
            try await session.advance(by: .milliseconds(20))
            try await channel.expectReady(0, in: "work")
            #expect(try await channel.get("work") == nil)
        }
    }
}
