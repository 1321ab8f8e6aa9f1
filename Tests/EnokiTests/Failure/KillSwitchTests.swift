import EnokiInProcess
import EnokiTestSupport
import EnokiTesting
import Testing

@testable import Enoki

/// A handler whose database is away, by the test's clock.
@Suite(.timeLimit(.minutes(5))) struct KillSwitchTests {
    struct Away: Error {}

    struct Indexer: Microservice {
        static let name = "indexer"
        let isAway = Locked(true)
        let calls = Locked(0)
        let done = Shelf<String>()
        var policy = FailurePolicy.default.pausing(KillSwitch(of: 10, upTo: .seconds(8)))
        var error: any Error & Sendable = Away()
        var timeout: Duration? = .seconds(20)
        var entrypoints: [any Entrypoint] {
            EventHandler("index", onFailure: policy, timeout: timeout) { (event: Published) in
                calls.withLock { $0 += 1 }
                if isAway.withLock({ $0 }) { throw error }
                done.put(event.title)
            }
        }
    }

    private static let queue = "evt-press-published--indexer.index"

    func dispatch(_ count: Int, on cluster: Cluster) async throws {
        for number in 0..<count { try await cluster.dispatch(Published(title: "\(number)")) }
    }

    @Test func messagesWaitInTheQueueWhileMostCallsFail() async throws {
        let indexer = Indexer()
        try await withServices(indexer) { cluster in
            try await self.dispatch(500, on: cluster)
            await cluster.clock.advance(by: .seconds(600))
            // Ten, those that were in hand by then, and one more each time that it has tried: after 1, 3, 7, 15, 23 … seconds.
            #expect(indexer.calls.withLock { $0 } < 10 + 20 + 80)
            let snapshot = try cluster.snapshot()
            let queue = try #require(snapshot[queue: Self.queue])
            #expect(queue.ready.count + queue.unsettledCount > 400)
            #expect(snapshot[queue: "\(Self.queue).dead"]?.ready.count ?? 0 < 30)
        }
    }

    /// A dependency that hangs rather than fails: with the default switch, the default workers, and a timeout as documented.
    @Test func itPausesWhenTheCallsHang() async throws {
        struct Hanging: Microservice {
            static let name = "hanging"
            let calls = Locked(0)
            let end = Latch()
            var entrypoints: [any Entrypoint] {
                EventHandler("index", onFailure: .default.pausing(), timeout: .seconds(20)) { (_: Published) in
                    calls.withLock { $0 += 1 }
                    await end.wait()
                }
            }
        }
        let hanging = Hanging()
        try await withServices(hanging) { cluster in
            try await self.dispatch(300, on: cluster)
            await cluster.clock.advance(by: .seconds(600))
            // Ten at once for twenty seconds, those that were in hand then, and one more each 21, 22, 24, 28, 36, 50 … seconds.
            // Otherwise there were 300.
            #expect(hanging.calls.withLock { $0 } < 10 + 20 + 20)
            hanging.end.open()
        }
    }

    @Test(arguments: [
        // So many at once, each a minute long: in half a minute about half of them end.
        (KillSwitch(), Duration.seconds(60), 10, "at least 60 seconds (`within:`), or at most 5 calls"),
        (KillSwitch(of: 50), .seconds(20), 10, "at least 100 seconds (`within:`), or at most 15 calls"),
        (KillSwitch(), .seconds(20), 1, "at least 200 seconds (`within:`), or at most 1 calls"),
        // No more than three are in hand, since each may wait for the others.
        (KillSwitch(), .seconds(300), 10, "at least 1000 seconds (`within:`), or a shorter `timeout:`"),
        (KillSwitch(), .seconds(4000), 10, "Give it a shorter `timeout:`"),
    ])
    func oneThatWouldNotPauseIfAllCallsHungIsRefused(
        _ killSwitch: KillSwitch,
        _ timeout: Duration,
        _ workers: Int,
        _ remedy: String
    ) async throws {
        var settings = ServiceSettings.testing
        settings.maxWorkers = workers
        let indexer = Indexer(policy: .default.pausing(killSwitch), timeout: timeout)
        let error = await #expect(throws: ConfigurationError.self) {
            try await withServices(indexer, settings: settings) { _ in }
        }
        #expect(error?.description.contains(remedy) == true, "\(String(describing: error))")
    }

    @Test func whatTheRefusalAsksForIsAccepted() {
        #expect(KillSwitch().defect(timeout: .seconds(20), concurrency: 10) == nil)
        #expect(KillSwitch(within: .seconds(60)).defect(timeout: .seconds(60), concurrency: 10) == nil)
        #expect(KillSwitch(of: 5).defect(timeout: .seconds(60), concurrency: 10) == nil)
        #expect(KillSwitch(within: .seconds(1000)).defect(timeout: .seconds(300), concurrency: 10) == nil)
        // No time at all, and no number for what fits into the window.
        let tiny = Duration(secondsComponent: 0, attosecondsComponent: 1)
        #expect(KillSwitch(pause: tiny, upTo: tiny).defect(timeout: tiny, concurrency: .max) == nil)
    }

    /// A message that its guard finds done says nothing of what the handler needs.
    @Test func aTryThatIsDoneAlreadyIsFollowedByTheNext() async throws {
        struct Guarded: Microservice {
            static let name = "guarded"
            let isAway = Locked(false)
            let calls = Shelf<String>()
            var entrypoints: [any Entrypoint] {
                EventHandler(
                    "index",
                    onFailure: .discard.pausing(),
                    timeout: .seconds(20),
                    idempotency: .inMemory(for: .seconds(3600))
                ) { (event: Published) in
                    calls.put(event.title)
                    if isAway.withLock({ $0 }) { throw Away() }
                }
            }
        }
        let guarded = Guarded()
        try await withServices(guarded) { cluster in
            func publish(_ titles: [String]) async throws {
                for title in titles {
                    let properties = BasicProperties(contentType: "application/json", messageID: title)
                    let message = Message(#"{"title": "\#(title)"}"#, properties: properties)
                    try await cluster.broker.publish(message, to: "press.events", routingKey: "published")
                }
                await cluster.clock.advance(by: .milliseconds(10))
            }
            try await publish(["done"])
            guarded.isAway.withLock { $0 = true }
            // Nor is it one of those that have not failed.
            try await publish(Array(repeating: "done", count: 20))
            try await publish((0..<10).map { "\($0)" })
            #expect(guarded.calls.elements.count == 11)
            try await publish(["done", "try", "a", "b", "c"])
            await cluster.clock.advance(by: .seconds(1))
            #expect(guarded.calls.elements.count == 12)
            #expect(guarded.calls.elements.last == "try")
        }
    }

    @Test func whatWaitsForAWorkerWhenAPauseBeginsWaitsForItsEnd() async throws {
        var settings = ServiceSettings.testing
        settings.maxWorkers = 2
        settings.prefetch = 20
        let policy = FailurePolicy.discard.pausing(KillSwitch(of: 5, upTo: .seconds(8)))
        let indexer = Indexer(policy: policy, timeout: .seconds(5))
        try await withServices(indexer, settings: settings) { cluster in
            try await self.dispatch(40, on: cluster)
            await cluster.clock.advance(by: .milliseconds(500))
            // One that was in work beside the fifth.
            #expect(indexer.calls.withLock { $0 } <= 6)
            indexer.isAway.withLock { $0 = false }
            await cluster.clock.advance(by: .seconds(5))
            #expect(indexer.calls.withLock { $0 } == 40)
            // In their order, after the one that was tried.
            let numbers = indexer.done.elements.compactMap(Int.init)
            #expect(numbers == numbers.sorted())
        }
    }

    @Test func whenACallSucceedsAgainAllAreHandled() async throws {
        let indexer = Indexer()
        try await withServices(indexer) { cluster in
            try await self.dispatch(200, on: cluster)
            await cluster.clock.advance(by: .seconds(2))
            indexer.isAway.withLock { $0 = false }
            // The longest pause, and the longest wait of one that failed.
            await cluster.clock.advance(by: .seconds(20))
            #expect(Set(indexer.done.elements).count == 200)
        }
    }

    @Test func whatIsPermanentDoesNotPause() async throws {
        let indexer = Indexer(error: Reject(reason: "not for us"))
        try await withServices(indexer) { cluster in
            try await self.dispatch(100, on: cluster)
            await cluster.clock.advance(by: .milliseconds(1))
            #expect(indexer.calls.withLock { $0 } == 100)
        }
    }

    /// The call that is tried hangs until it is cancelled.
    @Test func aTryThatHangsEndsAtItsTimeout() async throws {
        struct Hanging: Microservice {
            static let name = "hanging"
            let calls = Shelf<Int>()
            let end = Latch()
            var entrypoints: [any Entrypoint] {
                let policy = FailurePolicy.discard.pausing(
                    KillSwitch(of: 5, within: .seconds(60), pause: .seconds(1), upTo: .seconds(1))
                )
                EventHandler("index", onFailure: policy, timeout: .seconds(10), concurrency: 1) { (_: Published) in
                    calls.put(1)
                    if calls.elements.count <= 5 { throw Away() }
                    await end.wait()
                }
            }
        }
        let hanging = Hanging()
        try await withServices(hanging) { cluster in
            try await self.dispatch(30, on: cluster)
            await cluster.clock.advance(by: .milliseconds(500))
            #expect(hanging.calls.elements.count == 5)
            // A try after a second, and another each eleven seconds.
            await cluster.clock.advance(by: .seconds(50))
            #expect(hanging.calls.elements.count == 10)
            hanging.end.open()
            await cluster.clock.advance(by: .seconds(5))
            #expect(hanging.calls.elements.count == 30)
        }
    }

    @Test(arguments: [
        (Duration.seconds(30), Duration.seconds(20), 24), (.seconds(30), .seconds(300), 3),
        (.seconds(300), .seconds(3600), 1), (.milliseconds(90), .milliseconds(10), 12_000),
    ])
    func whatIsInHandIsTriedBeforeRabbitMQWantsItBack(_ longest: Duration, _ timeout: Duration, _ most: Int) {
        #expect(KillSwitch(pause: .milliseconds(1), upTo: longest).mostInHand(timeout: timeout) == most)
    }

    @Test func aStopGivesBackWhatAPauseHolds() async throws {
        // What has failed is not back before the others are counted.
        let policy = FailurePolicy.retry(upTo: 5, .fixed(.seconds(3600)))
        let indexer = Indexer(policy: policy.pausing(KillSwitch(of: 10, upTo: .seconds(8))))
        let broker = TestBroker.inProcess
        try await broker.withConnections { connect in
            try await withServices(connect: connect) { outside in
                try await withServices(indexer, connect: connect) { cluster in
                    try await self.dispatch(100, on: cluster)
                    try await eventually("it pauses") { indexer.calls.withLock { $0 } >= 10 }
                }
                let waiting = try await outside.broker.inspect(queue: Self.queue).messageCount
                #expect(waiting == 100 - indexer.calls.withLock { $0 })
            }
        }
    }

    /// Another message that kills would bring it back, and it would be counted again and again without a call.
    @Test func whatHasComeBackBeforeDoesNotWaitInHand() async throws {
        try await withServices(Indexer(), settings: ServiceSettings()) { cluster in
            for _ in 1...2 {
                try await self.dispatch(10, on: cluster)
                await cluster.clock.advance(by: .milliseconds(100))
            }
            #expect(try cluster.snapshot()[queue: Self.queue]?.unsettledCount == 10)
            try await cluster.broker.publish(.published("r", redeliveries: 1), to: "", routingKey: Self.queue)
            await cluster.clock.advance(by: .milliseconds(100))
            let snapshot = try cluster.snapshot()
            #expect(snapshot[queue: Self.queue]?.unsettledCount == 10)
            let copies = snapshot[queue: "enoki.retry.1000"]?.ready.filter { $0.properties.messageID == "r" }
            // It is not counted.
            #expect(copies?.map { $0.properties.headers[FailureHeaders.redeliveries]?.integerValue } == [1])
        }
    }

    @Test func aTryThatIsPutOffIsFollowedByTheNext() async throws {
        struct Library: Microservice {
            static let name = "library"
            let indexer: Indexer
            let end = Latch()
            var entrypoints: [any Entrypoint] {
                // Has the one place for what has come back twice.
                EventHandler("hold") { (event: Published) in if event.title == "held" { await end.wait() } }
                indexer.entrypoints
            }
        }
        let indexer = Indexer(policy: .discard.pausing(KillSwitch(of: 10, upTo: .seconds(8))))
        let library = Library(indexer: indexer)
        try await withServices(library, settings: ServiceSettings()) { cluster in
            func bring(_ title: String, to handler: String) async throws {
                let queue = "evt-press-published--library.\(handler)"
                try await cluster.broker.publish(.published(title, redeliveries: 2), to: "", routingKey: queue)
            }
            try await bring("held", to: "hold")
            try await self.dispatch(10, on: cluster)
            await cluster.clock.advance(by: .seconds(5))
            #expect(indexer.calls.withLock { $0 } == 10)
            indexer.isAway.withLock { $0 = false }
            try await bring("r", to: "index")
            await cluster.clock.advance(by: .milliseconds(100))
            #expect(indexer.done.elements.isEmpty)
            try await cluster.dispatch(Published(title: "next"))
            await cluster.clock.advance(by: .milliseconds(100))
            #expect(indexer.done.elements == ["next"])
            library.end.open()
            await cluster.clock.advance(by: .seconds(5))
            #expect(indexer.done.elements == ["next", "r"])
        }
    }

    @Test func theLogSaysWhenItPausesAndWhenItGoesOn() async throws {
        let log = LogRecorder()
        let indexer = Indexer()
        try await withServices(indexer, logger: log.logger) { cluster in
            try await self.dispatch(20, on: cluster)
            await cluster.clock.advance(by: .milliseconds(500))
            let paused = try await log.entry(containing: "most calls fail")
            #expect(paused.level == .warning)
            #expect(paused.metadata["entrypoint"] == "index")
            #expect(paused.metadata["failed"] == "10 of 10")
            await cluster.clock.advance(by: .seconds(2))
            let tried = try await log.entry(containing: "the call that was tried has failed")
            #expect(tried.level == .warning)
            #expect(tried.metadata["pause"] == "2.0 seconds")
            indexer.isAway.withLock { $0 = false }
            await cluster.clock.advance(by: .seconds(20))
            try await log.entry(containing: "it takes messages again")
        }
    }

    @Test func itIsRefusedForMethodsAndWithValuesThatCannotWork() async throws {
        struct Pausing: Microservice {
            static let name = "pausing"
            var entrypoints: [any Entrypoint] { RPC("get", onFailure: .deadLetter.pausing()) { 1 } }
        }
        let refused = await #expect(throws: ConfigurationError.self) { try await withServices(Pausing()) { _ in } }
        #expect(refused?.description.contains("pausing") == true)
        let endless = await #expect(throws: ConfigurationError.self) {
            try await withServices(Indexer(timeout: nil)) { _ in }
        }
        #expect(endless?.description.contains("`timeout:`") == true)
        for (wrong, text) in [
            (KillSwitch(above: 1), "threshold"), (KillSwitch(above: .nan), "threshold"), (KillSwitch(of: 0), "calls"),
            (KillSwitch(within: .zero), "window"), (KillSwitch(pause: .zero), "pauses"),
            (KillSwitch(pause: .seconds(60)), "pauses"), (KillSwitch(upTo: .seconds(301)), "pauses"),
        ] {
            let error = await #expect(throws: ConfigurationError.self) {
                try await withServices(Indexer(policy: .default.pausing(wrong))) { _ in }
            }
            #expect(error?.description.contains(text) == true, "\(String(describing: error))")
        }
    }
}
