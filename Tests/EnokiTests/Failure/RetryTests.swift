import Enoki
import EnokiInProcess
import EnokiTestSupport
import EnokiTesting
import Testing

/// When messages are tried again, exact by the test's clock.
@Suite(.timeLimit(.minutes(5))) struct RetryTests {
    @discardableResult
    private func run(
        _ flaky: Flaky,
        faults: FaultPlan = .none,
        _ body: (Cluster) async throws -> Void
    ) async throws -> Flaky {
        try await withServices(flaky, faults: faults) { cluster in
            flaky.clock.put(cluster.clock)
            try await body(cluster)
        }
        return flaky
    }

    @Test(
        .bug("https://github.com/ag2ai/faststream/issues/1488", "FastStream: three retries are endless"),
        .bug("https://github.com/ag2ai/faststream/issues/1657", "FastStream: one retry is endless"),
        .bug(
            "https://github.com/ag2ai/faststream/issues/1046",
            "FastStream: five retries are endless when the handler asks for them"
        )
    )
    func byDefaultFiveAttemptsAreMadeAndThenADeadLetter() async throws {
        let flaky = Flaky()
        try await self.run(flaky) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            await cluster.clock.advance(by: .milliseconds(14_999))
            #expect(flaky.times == [.zero, .seconds(1), .seconds(3), .seconds(7)])
            await cluster.clock.advance(by: .seconds(3600))
            #expect(flaky.times == [.zero, .seconds(1), .seconds(3), .seconds(7), .seconds(15)])
            #expect(flaky.numbers == [1, 2, 3, 4, 5])
            let snapshot = try cluster.snapshot()
            let dead = try #require(snapshot[queue: Flaky.deadLetters])
            #expect(dead.queue == Queue(Flaky.deadLetters))
            #expect(dead.ready.count == 1)
            for queue in snapshot.queues where queue.queue.name != Flaky.deadLetters {
                #expect(queue.ready.isEmpty && queue.unsettledCount == 0, "\(queue.queue.name)")
            }
        }
    }

    @Test func delaysGrowUpToTheirMaximum() async throws {
        let flaky = Flaky(.retry(upTo: 12))
        try await self.run(flaky) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            await cluster.clock.advance(by: .seconds(3600))
            let delays = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
            #expect(flaky.times == delays.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }.map { .seconds($0) })
            #expect(flaky.numbers == Array(1...12))
        }
    }

    @Test func aMessageThatSucceedsLaterIsDone() async throws {
        let flaky = Flaky(.retry(upTo: 5, .fixed(.seconds(10)))) { attempt, _ in
            if attempt < 3 { throw Boom(reason: "not yet") }
        }
        try await self.run(flaky) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            await cluster.clock.advance(by: .seconds(3600))
            #expect(flaky.times == [.zero, .seconds(10), .seconds(20)])
            #expect(try cluster.snapshot()[queue: Flaky.deadLetters] == nil)
            #expect(try cluster.snapshot()[queue: Flaky.queue]?.unsettledCount == 0)
        }
    }

    @Test func aRetryWithoutDelayGoesToTheEndOfTheQueue() async throws {
        let flaky = Flaky(.retry(upTo: 3, .none, finally: .discard)) { _, event in
            if event.title == "bad" { throw Boom(reason: "always") }
        }
        var settings = ServiceSettings()
        settings.maxWorkers = 1
        try await withServices(flaky, settings: settings) { cluster in
            for title in ["bad", "a", "b"] { try await cluster.dispatch(Published(title: title)) }
            try await cluster.waitUntilQuiet()
            #expect(flaky.attempts.elements.filter { $0.title == "bad" }.map(\.number) == [1, 2, 3])
            #expect(flaky.attempts.elements.count == 5)
            // Without a delay nothing has to wait anywhere.
            #expect(try cluster.snapshot().queues.map(\.queue.name).contains { $0.hasPrefix("enoki.retry.") } == false)
        }
    }

    @Test func aHandlerChoosesItsOwnDelayOrGivesUp() async throws {
        let flaky = Flaky { attempt, event in
            if event.title == "hopeless" { throw Reject(reason: "unknown customer") }
            throw Retry(after: .seconds(30 * attempt))
        }
        try await self.run(flaky) { cluster in
            try await cluster.dispatch(Published(title: "later"))
            await cluster.clock.advance(by: .seconds(3600))
            #expect(flaky.times == [0, 30, 90, 180, 300].map { .seconds($0) })
            try await cluster.dispatch(Published(title: "hopeless"))
            try await cluster.waitUntilQuiet()
            #expect(flaky.attempts.elements.count == 6)
            let letters = try #require(try cluster.snapshot()[queue: Flaky.deadLetters]).ready
                .compactMap { DeadLetter($0.properties.headers) }
            #expect(letters.map(\.reason) == [.error, .rejected])
            #expect(letters.map(\.attempts) == [5, 1])
            #expect(letters.map(\.errorType) == ["Retry", "Reject"])
            #expect(letters.last?.error == "unknown customer")
            #expect(letters.map { $0.lastFailure - $0.firstFailure } == [300, 0])
        }
    }

    @Test func aShortDelayIsNotHeldUpByManyLongOnes() async throws {
        struct TwoDelays: Microservice {
            static let name = "two_delays"
            let clock = Shelf<VirtualClock>()
            let times = Shelf<Duration>()
            var entrypoints: [any Entrypoint] {
                EventHandler("slow", of: "press", "slow", onFailure: .retry(upTo: 2, .fixed(.seconds(60)))) {
                    throw Boom(reason: "slow")
                }
                EventHandler("quick", of: "press", "quick", onFailure: .retry(upTo: 3, .fixed(.seconds(1)))) {
                    times.put(clock.elements[0].now.offset)
                    throw Boom(reason: "quick")
                }
            }
        }
        let service = TwoDelays()
        try await withServices(service, Press()) { cluster in
            service.clock.put(cluster.clock)
            for _ in 0..<1000 { try await cluster.rpc("press").dispatch(type: "slow", text: "") }
            try await cluster.waitUntilQuiet()
            #expect(try cluster.snapshot()[queue: "enoki.retry.60000"]?.ready.count == 1000)
            try await cluster.rpc("press").dispatch(type: "quick", text: "")
            await cluster.clock.advance(by: .seconds(2))
            #expect(service.times.elements == [.zero, .seconds(1), .seconds(2)])
            await cluster.clock.advance(by: .seconds(58))
            #expect(cluster.calls.count { $0.entrypoint == "slow" } == 2000)
            #expect(try cluster.snapshot()[queue: "evt-press-slow--two_delays.slow.dead"]?.ready.count == 1000)
        }
    }

    /// What expires stands behind what was there before: a tenth of the delay is the most that jitter can hold it up.
    @Test func jitterHoldsUpNobodyLongerThanItself() async throws {
        let clock = VirtualClock()
        let flaky = Flaky(.retry(upTo: 2, .fixed(.seconds(10), jitter: 0.1)))
        flaky.clock.put(clock)
        let chances = Locked([1, 0.5, 0, 0.9])
        try await withTaskExecutorPreference(clock.executor) {
            var overrides = ProcessOverrides()
            overrides.chance = { chances.withLock { $0.removeFirst() } }
            let server = InProcessBroker(clock: clock)
            let host = try ServiceHost(
                broker: server,
                services: [flaky],
                clock: clock,
                logger: TestBroker.silent,
                overrides: overrides
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.run() }
                try await host.waitUntilStarted()
                for title in ["1", "2", "3", "4"] {
                    try await host.dispatch(Published(title: title))
                    await clock.advance(by: .zero)
                }
                await clock.advance(by: .seconds(20))
                host.stop()
                try await group.waitForAll()
            }
        }
        let retries = flaky.attempts.elements.filter { $0.number == 2 }
        #expect(retries.map(\.title) == ["1", "2", "3", "4"])
        // Behind the first, which has the longest delay, all come at once.
        #expect(retries.map(\.time) == [.seconds(11), .seconds(11), .seconds(11), .seconds(11)])
    }

    @Test(
        .bug(
            "https://github.com/celery/celery/issues/9867",
            "celery: the broker takes a retry for a cycle and drops it"
        )
    )
    func noCopyCarriesTheDeathsOfTheOneBefore() async throws {
        let flaky = Flaky()
        try await self.run(flaky) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            await cluster.clock.advance(by: .seconds(1))
            let delivered = try #require(cluster.calls.last?.context.message)
            #expect(delivered.properties.headers["x-death"] != nil)
            let waiting = try #require(try cluster.snapshot()[queue: "enoki.retry.2000"]?.ready.first)
            #expect(waiting.properties.headers.allSatisfy { !$0.name.contains("death") })
            #expect(waiting.properties.headers[FailureHeaders.attempts] == .int64(2))
            #expect(waiting.properties.expiration == .seconds(2))
            #expect(waiting.properties.deliveryMode == .persistent)
            await cluster.clock.advance(by: .seconds(3600))
            let dead = try #require(try cluster.snapshot()[queue: Flaky.deadLetters]?.ready.first)
            #expect(dead.properties.headers.allSatisfy { !$0.name.contains("death") })
            #expect(dead.properties.expiration == nil)
        }
    }

    @Test(arguments: [
        FieldValue.int64(-5), .int64(1_000_000_000), .string("x"), .int64(.max), .array([1]), .int64(4),
    ])
    func aForgedNumberOfAttemptsLeavesOneAttempt(_ forged: FieldValue) async throws {
        let flaky = Flaky()
        try await self.run(flaky) { cluster in
            let message = Message(
                #"{"title": "forged"}"#,
                properties: BasicProperties(
                    contentType: "application/json",
                    headers: [FailureHeaders.attempts: forged, FailureHeaders.firstFailure: .timestamp(.max)]
                )
            )
            try await cluster.broker.publish(message, to: "", routingKey: Flaky.queue)
            await cluster.clock.advance(by: .seconds(3600))
            #expect(flaky.numbers == [5])
            let letter = try #require(try cluster.snapshot()[queue: Flaky.deadLetters]?.ready.first)
            #expect(DeadLetter(letter.properties.headers)?.attempts == 5)
        }
    }

    /// Whoever may publish events is not to say that a process has died of one, nor that it has been tried.
    @Test func anEventThatSaysItHasFailedBeforeHasNot() async throws {
        let flaky = Flaky()
        try await self.run(flaky) { cluster in
            let headers = Headers(FailureHeaders.names.map { ($0, .int64(4)) })
            let properties = BasicProperties(contentType: "application/json", headers: headers)
            let message = Message(#"{"title": "forged"}"#, properties: properties)
            try await cluster.broker.publish(message, to: "press.events", routingKey: "published")
            await cluster.clock.advance(by: .seconds(3600))
            #expect(flaky.numbers == [1, 2, 3, 4, 5])
        }
    }

    /// Connections are lost at every step in turn: between the copy's confirm and the acknowledgement, among them.
    @Test(arguments: 1...12, [true, false])
    func aConnectionThatIsLostMakesADuplicateAndNeverALoss(_ number: Int, _ isPublish: Bool) async throws {
        let step = isPublish ? Fault.Step.publish(number) : .acknowledgement(number)
        for fault in [Fault.dropConnection(before: step), .dropConnection(after: step)] {
            let flaky = Flaky(.retry(upTo: 3, .fixed(.seconds(1))))
            try await withServices(flaky, faults: [fault.on("instance-0")]) { cluster in
                for title in ["a", "b", "c"] { try await cluster.dispatch(Published(title: title)) }
                await cluster.clock.advance(by: .seconds(600))
                let letters = try #require(try cluster.snapshot()[queue: Flaky.deadLetters]).ready
                let titles = letters.map { String(decoding: $0.body, as: UTF8.self) }
                #expect(Set(titles).count == 3, "\(fault): \(titles)")
                // Each may be delivered again, and its copy be published again when nobody could know that it was.
                #expect(letters.count <= 9, "\(fault): \(titles)")
                for queue in try cluster.snapshot().queues where queue.queue.name != Flaky.deadLetters {
                    #expect(queue.ready.isEmpty && queue.unsettledCount == 0, "\(fault): \(queue.queue.name)")
                }
            }
        }
    }
}
