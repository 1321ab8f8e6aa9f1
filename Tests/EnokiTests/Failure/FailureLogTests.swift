import EnokiRabbitMQ
import EnokiTestSupport
import EnokiTesting
import Logging
import Testing

@testable import Enoki

/// What a failure leaves in the log: one line for each attempt, by which its message and its dead letter are found.
@Suite(.timeLimit(.minutes(5))) struct FailureLogTests {
    /// What somebody reads who looks for trouble.
    private func lines(_ log: LogRecorder) -> [LogRecorder.Entry] { log.entries.filter { $0.level >= .notice } }

    private func publish(_ title: String, id: String, on cluster: Cluster) async throws {
        let message = Message(
            #"{"title": "\#(title)"}"#,
            properties: BasicProperties(contentType: "application/json", messageID: id)
        )
        try await cluster.broker.publish(message, to: "press.events", routingKey: "published")
    }

    @Test func eachFailedAttemptHasOneLineThatSaysWhy() async throws {
        let log = LogRecorder()
        let callIDs = Shelf<String>()
        let flaky = Flaky(.retry(upTo: 2, .fixed(.seconds(1)))) { _, _ in
            callIDs.put(WorkerContext.current?.callID ?? "")
            throw Boom(reason: "cannot reach amqp://user:secret@host")
        }
        try await withServices(flaky, logger: log.logger) { cluster in
            try await self.publish("News", id: "m-1", on: cluster)
            await cluster.clock.advance(by: .seconds(1))
            let lines = self.lines(log)
            let messages = ["failed: it will be tried again", "given up: it goes to the dead letters"]
            #expect(lines.map(\.message) == messages)
            #expect(lines.map(\.level) == [.warning, .error])
            #expect(lines.map { $0.metadata["call_id"] } == callIDs.elements)
            #expect(lines.map { $0.metadata["attempts"] } == ["1", "2"])
            #expect(lines.first?.metadata["delay"] == "1.0 seconds")
            for line in lines {
                #expect(line.metadata["entrypoint"] == "on_published")
                #expect(line.metadata["message_id"] == "m-1")
                #expect(line.metadata["reason"] == "error")
                #expect(line.metadata["error_type"] == "Boom")
                #expect(line.metadata["error"] == #"Boom(reason: "cannot reach amqp://***@host")"#)
            }
            let dead = try #require(try cluster.snapshot()[queue: Flaky.deadLetters]?.ready.first)
            #expect(dead.properties.headers["x-enoki-call-id"]?.stringValue == callIDs.elements.last)
        }
    }

    @Test func aTimeoutIsAReason() async throws {
        struct Slow: Microservice {
            static let name = "slow"
            var entrypoints: [any Entrypoint] {
                EventHandler("on_published", onFailure: .retry(upTo: 2, .fixed(.seconds(1))), timeout: .seconds(10)) {
                    (_: Published) in
                    await Latch().wait()
                }
            }
        }
        let log = LogRecorder()
        try await withServices(Slow(), logger: log.logger) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            await cluster.clock.advance(by: .seconds(21))
            let lines = self.lines(log)
            #expect(lines.map(\.level) == [.warning, .error])
            #expect(lines.map { $0.metadata["reason"] } == ["timeout", "timeout"])
            let error = "on_published took longer than 10.0 seconds"
            #expect(lines.map { $0.metadata["error"] } == [error, error])
        }
    }

    @Test(arguments: [
        (FailurePolicy.discard, "on_published failed"),
        (.requeue, "on_published failed: its message goes back to its queue"),
    ])
    func whatHasNoCopyIsLoggedToo(_ policy: FailurePolicy, _ message: String) async throws {
        let log = LogRecorder()
        let attempts = Locked(0)
        let flaky = Flaky(policy) { _, _ in
            let attempt = attempts.withLock { attempts in
                attempts += 1
                return attempts
            }
            if attempt == 1 { throw Boom(reason: "once") }
        }
        try await withServices(flaky, logger: log.logger) { cluster in
            try await self.publish("News", id: "m-1", on: cluster)
            try await cluster.waitUntilQuiet()
            let lines = self.lines(log)
            #expect(lines.map(\.message) == [message])
            #expect(lines.first?.level == .error)
            #expect(lines.first?.metadata["entrypoint"] == "on_published")
            #expect(lines.first?.metadata["message_id"] == "m-1")
            #expect(lines.first?.metadata["error"] == #"Boom(reason: "once")"#)
        }
    }

    @Test func whatCannotBeReadHasOneLineThatSaysItOnce() async throws {
        let log = LogRecorder()
        try await withServices(Flaky(), logger: log.logger) { cluster in
            let message = Message(
                #"{"title": 1}"#,
                properties: BasicProperties(contentType: "application/json", messageID: "m-1")
            )
            try await cluster.broker.publish(message, to: "press.events", routingKey: "published")
            try await cluster.waitUntilQuiet()
            let lines = self.lines(log)
            #expect(lines.map(\.message) == ["given up: it goes to the dead letters"])
            #expect(lines.first?.metadata["reason"] == "malformed")
            #expect(lines.first?.metadata["error_type"] == "UnreadableMessage")
            #expect(lines.first?.metadata["error"] == "'title': expected String, found number")
            // No call was made.
            #expect(lines.first?.metadata["call_id"] == nil)
            let dead = try #require(try cluster.snapshot()[queue: Flaky.deadLetters]?.ready.first)
            #expect(DeadLetter(dead.properties.headers)?.error == "'title': expected String, found number")
            #expect(dead.properties.headers["x-enoki-call-id"] == nil)
        }
    }

    @Test func aMessageWithoutAnIDIsKnownByThatOfItsDeadLetter() async throws {
        let log = LogRecorder()
        try await withServices(Flaky(.retry(upTo: 2, .fixed(.seconds(1)))), logger: log.logger) { cluster in
            try await self.publish("News", id: "", on: cluster)
            await cluster.clock.advance(by: .seconds(1))
            let dead = try #require(try cluster.snapshot()[queue: Flaky.deadLetters]?.ready.first)
            let id = try #require(dead.properties.messageID)
            #expect(!id.isEmpty)
            #expect(self.lines(log).map { $0.metadata["message_id"] } == [id, id])
        }
    }

    @Test func theLoggerOfACallKnowsMessageAndAttempt() async throws {
        let log = LogRecorder()
        let flaky = Flaky(.retry(upTo: 2, .fixed(.seconds(1)))) { attempt, _ in
            Logger.current.info("works")
            if attempt == 1 { throw Boom(reason: "once") }
        }
        try await withServices(flaky, logger: log.logger) { cluster in
            try await self.publish("News", id: "m amqp://user:secret@host", on: cluster)
            await cluster.clock.advance(by: .seconds(1))
            let lines = log.entries.filter { $0.message == "works" }
            #expect(lines.map { $0.metadata["message_id"] } == Array(repeating: "m amqp://***@host", count: 2))
            #expect(lines.map { $0.metadata["attempt"] } == [nil, "2"])
        }
    }

    // MARK: - Guards

    @Test func aGuardWhoseStoreFailsTooLateSaysWhyAllTheSame() async throws {
        /// Waits for something locked until the call's time is over, and fails.
        struct LockedStore: IdempotencyStore {
            struct IsLocked: Error {}
            func open() async throws {}
            func begin(_ claim: IdempotencyClaim, lease: Duration) async throws -> IdempotencyAnswer {
                await Latch().wait()
                throw IsLocked()
            }
            func renew(_ claims: [IdempotencyClaim], lease: Duration) async throws {}
            func complete(_ claim: IdempotencyClaim) async throws -> Bool { true }
            func release(_ claim: IdempotencyClaim) async throws {}
        }
        let log = LogRecorder()
        var guarded = Guarded(
            Idempotency(store: LockedStore(), for: .seconds(3600)),
            .retry(upTo: 2, .fixed(.seconds(1)))
        )
        guarded.timeout = .seconds(10)
        try await withServices(guarded, logger: log.logger) { cluster in
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .seconds(10))
            let lines = self.lines(log)
            #expect(
                lines.map(\.message) == [
                    "on_published was not called: its idempotency guard failed", "failed: it will be tried again",
                ]
            )
            // The handler has not run: its time is not why.
            #expect(lines.map { $0.metadata["error_type"] } == ["IsLocked", "IsLocked"])
            #expect(lines.allSatisfy { $0.level == .warning && $0.metadata["message_id"] == "m-1" })
            await cluster.clock.advance(by: .seconds(20))
            let letter = try #require(try await cluster.takeMessage(from: Guarded.deadLetters))
            #expect(letter.properties.headers["x-enoki-reason"] == "error")
            #expect(letter.properties.headers["x-enoki-error-type"] == "IsLocked")
        }
    }

    @Test func aMessageThatIsInWorkElsewhereHasNotFailed() async throws {
        let log = LogRecorder()
        let gate = Latch()
        try await withServices(Guarded { _ in await gate.wait() }, logger: log.logger) { cluster in
            for _ in 0..<2 { try await cluster.publish("News", id: "m-1") }
            try await eventually("the second waits") { !self.lines(log).isEmpty }
            let lines = self.lines(log)
            #expect(
                lines.map(\.message) == [
                    "its message is in work elsewhere, or its process has died and the lease goes on: this delivery of it waits"
                ]
            )
            #expect(lines.first?.level == .notice)
            #expect(lines.first?.metadata["delay"] == "32.0 seconds")
            #expect(lines.first?.metadata["message_id"] == "m-1")
            #expect(lines.first?.metadata["attempts"] == nil)
            gate.open()
        }
    }

    // MARK: - Many at once

    /// Has messages come back from a process that did not settle them, and handled then.
    private func comeBack(_ titles: [String], after redeliveries: Int?, _ log: LogRecorder) async throws {
        try await TestBroker.inProcess.withConnections { connect in
            try await withServices(Flaky(.discard), connect: connect) { _ in }
            try await withServices(connect: connect) { cluster in
                for title in titles {
                    let message = Message.published(title, redeliveries: redeliveries)
                    try await cluster.broker.publish(message, to: "", routingKey: Flaky.queue)
                }
                let taken = Collector<Delivery>()
                let consumer = try await cluster.broker.consume(
                    Flaky.queue,
                    options: ConsumerOptions(prefetch: 20)
                ) { taken.append($0) }
                try await eventually("all are taken", equals: titles.count) { taken.elements.count }
                await consumer.close()
                try await cluster.waitForQueue(Flaky.queue) { $0.messageCount == titles.count }
            }
            let quiet = Flaky { _, _ in }
            let settings = ServiceSettings()
            try await withServices(quiet, settings: settings, connect: connect, logger: log.logger) { cluster in
                try await eventually("all are handled", equals: titles.count) {
                    await cluster.clock.advance(by: .seconds(1))
                    return quiet.attempts.elements.count
                }
            }
        }
    }

    @Test func ofManyMessagesThatComeBackAtOnceFewHaveALine() async throws {
        let log = LogRecorder()
        try await self.comeBack((1...20).map { "\($0)" }, after: nil, log)
        let lines = log.entries.filter { $0.message.hasPrefix("came back unsettled") }
        #expect(lines.count == 20)
        let told = lines.filter { $0.level == .notice }
        #expect(told.map { $0.metadata["messages_within_a_minute"] } == ["1", "2", "4", "8", "16"])
        #expect(lines.allSatisfy { $0.level == .notice || $0.level == .debug })
        #expect(Set(lines.map { $0.metadata["message_id"] }).count == 20)
        #expect(told.allSatisfy { $0.message.contains("or the broker was restarted") })
        #expect(told.allSatisfy { $0.metadata["reason"] == "unsettled" })
    }

    @Test func whatComesBackForTheSecondTimeAlwaysHasALine() async throws {
        let log = LogRecorder()
        try await self.comeBack(["a", "b", "c"], after: 1, log)
        let told = log.entries.filter { $0.message.hasPrefix("came back unsettled") && $0.level == .notice }
        #expect(told.map { $0.metadata["message_id"] } == ["a", "b", "c"])
        #expect(told.allSatisfy { $0.metadata["redeliveries"] == "2" })
    }

    // MARK: - Rights

    @Test func whoMayNotDeclareTheDeadLettersIsToldSoAndToldWhenItWorks() async throws {
        let log = LogRecorder()
        try await RabbitMQVirtualHost.withFresh { host in
            try await host.withUser(password: "secret") { user in
                try await user.set(configure: #"^(?!.*\\.dead$).*"#)
                var configuration = try RabbitMQConfiguration.patient(uri: host.uri)
                configuration.user = user.name
                configuration.password = "secret"
                let limited = configuration
                try await withServices(
                    Flaky(.deadLetter),
                    connect: { RabbitMQBroker(configuration: limited, logger: TestBroker.silent) },
                    logger: log.logger
                ) { cluster in
                    try await self.publish("News", id: "m-1", on: cluster)
                    let line = try await log.entry(containing: "find no way to queue '\(Flaky.deadLetters)'")
                    #expect(line.level == .error)
                    #expect(line.metadata["error"]?.contains("ACCESS_REFUSED") == true)
                    #expect(line.metadata["error"]?.contains("NO_ROUTE") == true)
                    try await user.set(configure: ".*")
                    try await eventually("it is a dead letter") {
                        await cluster.clock.advance(by: .seconds(30))
                        return try await host.queue(Flaky.deadLetters) != nil
                    }
                    try await cluster.waitForQueue(Flaky.deadLetters) { $0.messageCount == 1 }
                    let again = try await log.entry(containing: "find their way to queue '\(Flaky.deadLetters)' again")
                    #expect(again.level == .info)
                }
            }
        }
    }
}
