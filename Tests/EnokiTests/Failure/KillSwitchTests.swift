import EnokiInProcess
import EnokiTestSupport
import EnokiTesting
import Testing

@testable import Enoki

/// A handler whose database is away, by the test's clock.
@Suite(.timeLimit(.minutes(5))) struct KillSwitchTests {
    private struct Away: Error {}

    private struct Indexer: Microservice {
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

    private func dispatch(_ count: Int, on cluster: Cluster) async throws {
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
                let policy = FailurePolicy.discard.pausing(KillSwitch(of: 5, pause: .seconds(1), upTo: .seconds(1)))
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
        let indexer = Indexer()
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
