import EnokiBroker
import EnokiTestSupport
import Testing

/// What a dead letter carries, and when a message becomes one.
@Suite(.timeLimit(.minutes(5))) struct DeadLetterCases {
    @Test func aRejectedMessageTellsWhereItDied() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.queue(Queue("work", deadLettersTo: "dlx"), holding: "m")
            try await channel.rejectOne(from: "work")
            let dead = try await channel.take(from: "dead")
            #expect((dead.exchange, dead.routingKey, dead.redelivered) == ("dlx", "work", false))
            #expect(dead.firstDeath == ["work", "rejected", ""])
            let death = try #require(dead.deaths.first)
            #expect(death.map(\.name).sorted() == ["count", "exchange", "queue", "reason", "routing-keys", "time"])
            #expect(death["count"] == .int64(1))
            #expect(death["routing-keys"] == ["work"])
            if case .timestamp = death["time"] {} else { Issue.record("no time of death: \(death)") }
        }
    }

    @Test func aNackedMessageIsRejectedToo() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.queue(Queue("work", deadLettersTo: "dlx"), holding: "m")
            try await channel.nack(try await channel.hold(from: "work"), requeue: false)
            #expect(try await channel.take(from: "dead").deathSummaries == ["work rejected 1"])
        }
    }

    @Test func anExpiredMessageLosesItsExpirationAndRemembersIt() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            try await channel.publish(Message("m", expiringAfter: .milliseconds(5)), key: "work")
            try await session.advance(by: .milliseconds(20))
            let dead = try await channel.take(from: "dead")
            #expect(dead.message.properties.expiration == nil)
            #expect(dead.deathSummaries == ["work expired 1"])
            #expect(dead.deaths.first?["original-expiration"] == "5")
        }
    }

    @Test func aMessageThatOutlivesTheQueuesTTLExpires() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx", ["x-message-ttl": 5]))
            try await channel.publish("m", key: "work")
            try await session.advance(by: .milliseconds(20))
            let dead = try await channel.take(from: "dead")
            #expect(dead.deathSummaries == ["work expired 1"])
            #expect(dead.deaths.first?["original-expiration"] == nil)
        }
    }

    @Test func aDroppedHeadDiesOfMaxlen() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx", ["x-max-length": 1]))
            try await channel.publish("old", "new", key: "work")
            let dead = try await channel.take(from: "dead")
            #expect(dead.text == "old")
            #expect(dead.deathSummaries == ["work maxlen 1"])
            #expect(try await session.contents(of: "work", count: 1) == ["new"])
        }
    }

    @Test func otherPropertiesOutliveTheMessage() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            let properties = BasicProperties(
                contentType: "text/plain",
                contentEncoding: "utf-8",
                headers: ["h": 1, "x-mine": "y"],
                deliveryMode: .persistent,
                priority: 3,
                correlationID: "c",
                replyTo: "r",
                messageID: "id",
                timestamp: 5,
                type: "t",
                userID: "guest",
                appID: "a",
                clusterID: "cl"
            )
            try await channel.publish(Message("m", properties: properties), key: "work")
            try await channel.rejectOne(from: "work")
            var dead = try await channel.take(from: "dead").message.properties
            #expect(dead.headers["h"] == 1)
            #expect(dead.headers["x-mine"] == "y")
            dead.headers = properties.headers
            #expect(dead == properties)
        }
    }

    @Test func aDeathInAnotherQueueComesFirst() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("one", deadLettersTo: "", key: "two", ["x-message-ttl": 1]))
            try await channel.declare(Queue("two", deadLettersTo: "", key: "three", ["x-max-length": 0]))
            try await channel.declare(Queue("three"))
            try await channel.publish(Message("m", expiringAfter: .seconds(60)), key: "one")
            try await session.advance(by: .milliseconds(20))
            let dead = try await channel.take(from: "three")
            #expect(dead.deathSummaries == ["two maxlen 1", "one expired 1"])
            #expect(dead.firstDeath == ["one", "expired", ""])
            #expect(dead.deaths.map { $0["original-expiration"] } == [nil, "60000"])
        }
    }

    @Test func theSameDeathIsCounted() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("work", deadLettersTo: "", key: "wait"))
            try await channel.declare(Queue("wait", deadLettersTo: "", key: "work", ["x-message-ttl": 1]))
            try await channel.publish(Message("m", headers: ["kept": true]), key: "work")
            for _ in 1...3 {
                try await channel.rejectOne(from: "work")
                try await session.advance(by: .milliseconds(10))
            }
            let dead = try await channel.take(from: "work")
            #expect(dead.deathSummaries == ["wait expired 3", "work rejected 3"])
            #expect(dead.firstDeath == ["work", "rejected", ""])
            #expect(dead.message.properties.headers["kept"] == true)
        }
    }

    @Test func aCountedDeathKeepsWhatItSaidAtFirst() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("first", .fanout))
            try await channel.declare(Queue("work", deadLettersTo: ""))
            try await channel.bind("work", to: "first")
            try await channel.publish(Message("m", headers: ["CC": ["other"]]), to: "first", key: "work")
            for _ in 1...2 { try await channel.rejectOne(from: "work") }
            let dead = try await channel.take(from: "work")
            #expect(dead.exchange == "")
            #expect(dead.deathSummaries == ["work rejected 2"])
            #expect(dead.deaths.first?["exchange"] == "first")
            #expect(dead.deaths.first?["routing-keys"] == ["work", "other"])
        }
    }

    @Test func aRejectAndAnExpiryInOneQueueAreTwoDeaths() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "back"))
            try await channel.declare(Exchange("back", .fanout))
            try await channel.bind("work", to: "back")
            try await channel.publish("m", key: "work")
            try await channel.rejectOne(from: "work")
            let rejected = try await channel.take(from: "work").message
            try await channel.declare(Queue("other", deadLettersTo: "dlx"))
            var expiring = rejected
            expiring.properties.expiration = .milliseconds(1)
            try await channel.publish(expiring, key: "other")
            try await session.advance(by: .milliseconds(10))
            let dead = try await channel.take(from: "dead")
            #expect(dead.deathSummaries == ["other expired 1", "work rejected 1"])
        }
    }

    @Test func aHeaderOfAnotherKindIsReplaced() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            let headers: Headers = ["x-death": "mine", "x-first-death-queue": "mine"]
            try await channel.publish(Message("m", headers: headers), key: "work")
            try await channel.rejectOne(from: "work")
            let dead = try await channel.take(from: "dead")
            #expect(dead.deathSummaries == ["work rejected 1"])
            #expect(dead.firstDeath == ["mine", nil, nil])
        }
    }

    @Test func deathsOfTheSendersOwnAreCountedOn() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            let deaths: FieldValue = [
                ["queue": "else", "reason": "expired", "count": .int64(2)],
                ["queue": "work", "reason": "rejected", "count": .int64(7), "mine": 1],
            ]
            try await channel.publish(Message("m", headers: ["x-death": deaths]), key: "work")
            try await channel.rejectOne(from: "work")
            let dead = try await channel.take(from: "dead")
            #expect(dead.deathSummaries == ["work rejected 8", "else expired 2"])
            #expect(dead.deaths.first?["mine"] == 1)
        }
    }

    @Test func deathsWithoutACountAreCountedByTheirNumber() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            let deaths: FieldValue = [
                ["queue": "work", "reason": "rejected"], ["queue": "work", "reason": "rejected"],
                ["queue": "else", "reason": "rejected"],
            ]
            try await channel.publish(Message("m", headers: ["x-death": deaths]), key: "work")
            try await channel.rejectOne(from: "work")
            let dead = try await channel.take(from: "dead")
            #expect(dead.deathSummaries == ["work rejected 3", "else rejected 1"])
        }
    }

    @Test func purgeAndDeletionMakeNoDeadLetters() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.queue(Queue("work", deadLettersTo: "dlx"), holding: "purged")
            #expect(try await channel.purge("work") == 1)
            try await channel.publish("deleted", key: "work")
            try await channel.hold(from: "work")
            try await channel.publish("too", key: "work")
            try await channel.expectReady(1, in: "work")
            #expect(try await channel.delete(queue: "work") == 1)
            try await channel.publish("last", to: "dlx", key: "")
            #expect(try await session.contents(of: "dead", count: 1) == ["last"])
        }
    }

    @Test func deadLettersComeInTheOrderOfTheirTags() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.queue(Queue("work", deadLettersTo: "dlx"), holding: "1", "2", "3", "4")
            for ready in (1...4).reversed() { try await channel.hold(from: "work", ready: ready) }
            try await channel.nack(4, multiple: true, requeue: false)
            #expect(try await session.contents(of: "dead", count: 4) == ["1", "2", "3", "4"])
        }
    }

    @Test func singleRejectsKeepTheirOwnOrder() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.queue(Queue("work", deadLettersTo: "dlx"), holding: "1", "2", "3")
            for ready in (1...3).reversed() { try await channel.hold(from: "work", ready: ready) }
            for tag in [3, 1, 2] as [UInt64] { try await channel.reject(tag, requeue: false) }
            #expect(try await session.contents(of: "dead", count: 3) == ["3", "1", "2"])
        }
    }

    @Test func withoutADeadLetterExchangeARejectedMessageIsGone() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("work"), holding: "gone", "stays")
            try await channel.reject(try await channel.hold(from: "work", ready: 2), requeue: false)
            #expect(try await session.contents(of: "work", count: 1) == ["stays"])
        }
    }
}
