import EnokiTestSupport
import EnokiTesting
import Testing

@testable import Enoki

/// Retries and dead letters on every broker, in real time where it is not in process.
@Suite(.timeLimit(.minutes(5))) struct DeadLetterTests {
    @Test(arguments: TestBroker.allCases) func aMessageThatFailsForGoodIsADeadLetter(_ broker: TestBroker) async throws
    {
        let flaky = Flaky(.retry(upTo: 3, .linear(from: .milliseconds(100)))) { _, _ in
            throw Boom(reason: "cannot reach amqp://user:secret@host\n")
        }
        try await withServices(flaky, on: broker) { cluster in
            let properties = BasicProperties(
                contentType: "application/json",
                contentEncoding: "utf-8",
                headers: ["x-custom": "kept", "CC": .array([.string("elsewhere")])],
                correlationID: "correlation",
                messageID: "message",
                appID: "app"
            )
            try await cluster.broker.publish(
                Message(#"{"title": "News"}"#, properties: properties),
                to: "press.events",
                routingKey: "published"
            )
            try await cluster.waitForQueue(Flaky.deadLetters) { $0.messageCount == 1 }
            #expect(flaky.numbers == [1, 2, 3])
            let dead = try #require(try await cluster.takeMessage(from: Flaky.deadLetters))
            #expect(dead.body == Array(#"{"title": "News"}"#.utf8))
            #expect(dead.properties.messageID == "message")
            #expect(dead.properties.correlationID == "correlation")
            #expect(dead.properties.appID == "app")
            #expect(dead.properties.contentEncoding == "utf-8")
            #expect(dead.properties.headers["x-custom"] == "kept")
            #expect(dead.properties.headers["CC"] == nil)
            #expect(dead.properties.headers["x-death"] == nil)
            let letter = try #require(DeadLetter(dead.properties.headers))
            #expect(letter.reason == .error)
            #expect(letter.errorType == "Boom")
            #expect(letter.error == #"Boom(reason: "cannot reach amqp://***@host\n")"#)
            #expect(letter.attempts == 3)
            #expect(letter.service == "flaky")
            #expect(letter.entrypoint == "on_published")
            #expect(letter.queue == Flaky.queue)
            #expect(letter.exchange == "press.events")
            #expect(letter.routingKey == "published")
            #expect(!letter.host.isEmpty)
            #expect(letter.firstFailure > 1_700_000_000)
            #expect(letter.lastFailure >= letter.firstFailure)
            try await cluster.waitForQueue(Flaky.queue) { $0.messageCount == 0 }
        }
    }

    @Test(arguments: TestBroker.allCases) func whatCannotBeReadIsADeadLetterAtOnce(_ broker: TestBroker) async throws {
        let flaky = Flaky { _, _ in }
        try await withServices(flaky, on: broker) { cluster in
            let json = BasicProperties(contentType: "application/json")
            let bodies = ["", "{", "[]", "null", #"{"title": 1}"#, #"{"tit"#, String(repeating: "[", count: 1000)]
            for body in bodies {
                try await cluster.broker.publish(
                    Message(body, properties: json),
                    to: "press.events",
                    routingKey: "published"
                )
            }
            let pickle = Message("x", properties: BasicProperties(contentType: "application/x-python-serialize"))
            try await cluster.broker.publish(pickle, to: "press.events", routingKey: "published")
            try await cluster.dispatch(Published(title: "Good"))
            try await cluster.waitForQueue(Flaky.deadLetters) { $0.messageCount == bodies.count + 1 }
            try await cluster.waitForQueue(Flaky.queue) { $0.messageCount == 0 }
            try await eventually("the good one is handled, and no other", equals: ["Good"]) {
                flaky.attempts.elements.map(\.title)
            }
            var reasons: [DeadLetterReason?] = []
            while let dead = try await cluster.takeMessage(from: Flaky.deadLetters) {
                let letter = DeadLetter(dead.properties.headers)
                reasons.append(letter?.reason)
                #expect(letter?.attempts == 1)
            }
            #expect(reasons == Array(repeating: .malformed, count: bodies.count) + [.unsupportedContent])
        }
    }

    @Test(arguments: TestBroker.allCases) func aCopyWhoseQueueIsGoneIsNotLost(_ broker: TestBroker) async throws {
        try await broker.withConnections { connect in
            try await withServices(connect: connect, patience: .seconds(60)) { outside in
                // It must be deleted before the copy is back in it.
                let flaky = Flaky(.retry(upTo: 3, .fixed(.seconds(5))))
                try await withServices(flaky, connect: connect) { cluster in
                    try await cluster.dispatch(Published(title: "News"))
                    try await cluster.waitForQueue("enoki.retry.5000") { $0.messageCount == 1 }
                }
                try await outside.broker.delete(queue: Flaky.queue)
                try await outside.waitForQueue("enoki.lost") { $0.messageCount == 1 }
                let lost = try #require(try await outside.takeMessage(from: "enoki.lost"))
                #expect(lost.properties.headers[FailureHeaders.queue] == .string(Flaky.queue))
                #expect(lost.properties.headers[FailureHeaders.attempts] == .int64(1))
            }
        }
    }

    @Test(
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/780",
            "MassTransit: a retry that waits holds up the stop"
        ),
        arguments: TestBroker.allCases
    )
    func attemptsAreCountedThroughARestartOfTheService(_ broker: TestBroker)
        async throws
    {
        try await broker.withConnections { connect in
            let policy = FailurePolicy.retry(upTo: 4, .fixed(.milliseconds(300)))
            let first = Flaky(policy)
            try await withServices(first, connect: connect) { cluster in
                try await cluster.dispatch(Published(title: "News"))
                try await eventually("two attempts were made") { first.numbers.count >= 2 }
            }
            let second = Flaky(policy)
            try await withServices(second, connect: connect) { cluster in
                try await cluster.waitForQueue(Flaky.deadLetters) { $0.messageCount == 1 }
            }
            #expect(first.numbers + second.numbers == [1, 2, 3, 4])
        }
    }

    @Test func attemptsAreCountedThroughARestartOfTheBroker() async throws {
        let flaky = Flaky(.retry(upTo: 4, .fixed(.seconds(10))))
        try await withServices(flaky) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            for _ in 0..<3 {
                await cluster.clock.advance(by: .seconds(5))
                try cluster.server().restart()
                await cluster.clock.advance(by: .seconds(5))
            }
            await cluster.clock.advance(by: .seconds(60))
            #expect(flaky.numbers == [1, 2, 3, 4])
            #expect(try cluster.snapshot()[queue: Flaky.deadLetters]?.ready.count == 1)
        }
    }

    @Test(.timeLimit(.minutes(5))) func attemptsAreCountedThroughARestartOfRabbitMQ() async throws {
        try await RabbitMQNode.with { node in
            try await node.asCurrent { try await RabbitMQNode.whileCurrentIsInUse { try await self.restarting(node) } }
        }
    }

    private func restarting(_ node: RabbitMQNode) async throws {
        // A copy whose confirm is on its way when the broker stops is published twice: none is, within that time.
        let flaky = Flaky(.retry(upTo: 2, .fixed(.seconds(15))))
        try await TestBroker.rabbitMQ.withConnections { connect in
            try await withServices(flaky, connect: connect, patience: .seconds(120)) { cluster in
                try await cluster.dispatch(Published(title: "News"))
                try await cluster.waitForQueue("enoki.retry.15000") { $0.messageCount == 1 }
                try await cluster.container(of: Flaky.self).settler.waitUntilSettled()
                try await node.restart()
                try await cluster.waitForQueue(Flaky.deadLetters) { $0.messageCount == 1 }
            }
        }
        #expect(flaky.numbers == [1, 2])
    }

    // MARK: - Where the copies find no place

    @Test(
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/4867",
            "MassTransit: without its dead-letter queue a message comes again and again"
        ),
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/1329",
            "MassTransit: without its error queue a message comes again and again"
        ),
        arguments: TestBroker.allCases
    )
    func deadLettersThatAreDeletedAreDeclaredAgain(_ broker: TestBroker)
        async throws
    {
        try await withServices(Flaky(.deadLetter), on: broker) { cluster in
            for _ in 0..<3 {
                try await cluster.dispatch(Published(title: "News"))
                try await cluster.waitForQueue(Flaky.deadLetters) { $0.messageCount == 1 }
                try await cluster.broker.delete(queue: Flaky.deadLetters)
            }
        }
    }

    @Test(arguments: TestBroker.allCases) func aWaitingPlaceThatIsDeletedIsDeclaredAgain(_ broker: TestBroker)
        async throws
    {
        let flaky = Flaky(.retry(upTo: 2, .fixed(.milliseconds(100))))
        try await withServices(flaky, on: broker) { cluster in
            for number in 1...3 {
                try await cluster.dispatch(Published(title: "News"))
                try await cluster.waitForQueue(Flaky.deadLetters) { $0.messageCount == number }
                if number == 1 {
                    try await cluster.broker.delete(exchange: "enoki.retry.100")
                } else {
                    try await cluster.broker.delete(queue: "enoki.retry.100")
                }
            }
            #expect(flaky.numbers == [1, 2, 1, 2, 1, 2])
        }
    }

    /// A queue of dead letters that takes one message and refuses the rest with `basic.nack`.
    private static let full = Topology(
        queues: [Queue(Flaky.deadLetters, arguments: ["x-max-length": 1, "x-overflow": "reject-publish"])]
    )

    /// Fails on all events but the good ones.
    private static var picky: Flaky {
        Flaky(.deadLetter) { _, event in if event.title != "good" { throw Boom(reason: "bad") } }
    }

    @Test(
        .bug(
            "https://github.com/rabbitmq/rabbitmq-server/issues/8495",
            "RabbitMQ: its own dead-lettering does not heed the bound of a quorum queue"
        ),
        arguments: TestBroker.allCases
    )
    func whatTheDeadLettersRefuseStaysUnacknowledgedAndStopsNobody(_ broker: TestBroker) async throws {
        let flaky = Self.picky
        var settings = ServiceSettings()
        settings.maxWorkers = 1
        settings.prefetch = 4
        try await withServices(flaky, on: broker, settings: settings) { cluster in
            try await cluster.broker.declare(Self.full)
            for title in ["a", "b", "c"] { try await cluster.dispatch(Published(title: title)) }
            try await eventually("each was tried") { flaky.attempts.elements.count >= 3 }
            try await cluster.waitForQueue(Flaky.deadLetters) { $0.messageCount == 1 }
            // The only worker is free.
            for _ in 0..<5 { try await cluster.dispatch(Published(title: "good")) }
            try await eventually("the good ones were handled") {
                flaky.attempts.elements.count { $0.title == "good" } == 5
            }
            #expect(flaky.attempts.elements.count == 8)
            // One after the other, as soon as there is room.
            for _ in 0..<3 {
                try await eventually("a dead letter comes") {
                    await cluster.clock.advance(by: .seconds(30))
                    return try await cluster.takeMessage(from: Flaky.deadLetters) != nil
                }
            }
            #expect(flaky.attempts.elements.count == 8)
            try await cluster.waitForQueue(Flaky.queue) { $0.messageCount == 0 }
        }
    }

    @Test func fullDeadLettersAreTriedLessAndLessOftenAndTheLogSaysSo() async throws {
        let log = LogRecorder()
        try await withServices(Self.picky, logger: log.logger) { cluster in
            try await cluster.broker.declare(Self.full)
            for title in ["a", "b", "c"] { try await cluster.dispatch(Published(title: title)) }
            await cluster.clock.advance(by: .seconds(3600))
            #expect(try cluster.snapshot()[queue: Flaky.queue]?.unsettledCount == 2)
            let failures = log.entries.filter { $0.message.contains("find no way to queue '\(Flaky.deadLetters)'") }
            // 1, 2, 4, 8, 16 and then every 30 seconds: about 124 tries, of which the powers of two are logged.
            #expect(failures.map { $0.metadata["failures"] } == ["1", "2", "4", "8", "16", "32", "64"])
            #expect(failures.allSatisfy { $0.level == .error })
            for _ in 0..<3 {
                #expect(try await cluster.takeMessage(from: Flaky.deadLetters) != nil)
                await cluster.clock.advance(by: .seconds(30))
            }
            #expect(try cluster.snapshot()[queue: Flaky.queue]?.unsettledCount == 0)
            let again = "failed messages find their way to queue '\(Flaky.deadLetters)' again"
            #expect(log.entries.filter { $0.message == again }.map(\.level) == [.info, .info])
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aServiceThatStopsGivesBackWhatTheDeadLettersRefuse(_ broker: TestBroker) async throws {
        try await broker.withConnections { connect in
            let first = Self.picky
            try await withServices(first, connect: connect) { cluster in
                try await cluster.broker.declare(Self.full)
                for title in ["a", "b", "c"] { try await cluster.dispatch(Published(title: title)) }
                try await eventually("each was tried") { first.attempts.elements.count == 3 }
                try await cluster.waitForQueue(Flaky.deadLetters) { $0.messageCount == 1 }
            }
            try await withServices(connect: connect) { cluster in
                #expect(try await cluster.broker.inspect(queue: Flaky.queue).messageCount == 2)
                let message = try #require(try await cluster.takeMessage(from: Flaky.queue))
                // The attempt is not counted.
                #expect(message.properties.headers[FailureHeaders.attempts] == nil)
            }
        }
    }
}
