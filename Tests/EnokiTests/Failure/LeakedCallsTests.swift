import EnokiTestSupport
import EnokiTesting
import Logging
import Testing

@testable import Enoki

/// Calls that ignore that they were cancelled: nothing stops them, and nothing may wait for them.
@Suite(.timeLimit(.minutes(5))) struct LeakedCallsTests {
    /// Its first calls never end by themselves.
    private struct Leaky: Microservice {
        static let name = "leaky"
        static let queue = "evt-press-published--leaky.on_published"
        let attempts = Shelf<String>()
        let waiting = Waiting()
        var leaks = 1
        var timeout: Duration? = .seconds(10)
        var concurrency: Int?

        var entrypoints: [any Entrypoint] {
            EventHandler("on_published", onFailure: .deadLetter, timeout: timeout, concurrency: concurrency) {
                (event: Published) in
                attempts.put(event.title)
                if attempts.elements.count <= leaks { await waiting.wait() }
            }
        }
    }

    private static func settings(workers: Int) -> ServiceSettings {
        var settings = ServiceSettings()
        settings.maxWorkers = workers
        return settings
    }

    /// Runs a host of `service`; `body` is told how it ended.
    private func withHost(
        _ service: some Microservice,
        settings: ServiceSettings,
        logger: Logger = TestBroker.silent,
        _ body: (ServiceHost, VirtualClock, _ failure: Locked<(any Error)?>) async throws -> Void
    ) async throws {
        let clock = VirtualClock()
        let server = InProcessBroker(clock: clock)
        try await withTaskExecutorPreference(clock.executor) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                let host = try ServiceHost(
                    broker: server.connect(name: "host"),
                    services: [service],
                    settings: settings,
                    clock: clock,
                    logger: logger
                )
                let failure = Locked<(any Error)?>(nil)
                group.addTask { do { try await host.run() } catch { failure.withLock { $0 = error } } }
                try await host.waitUntilStarted()
                try await body(host, clock, failure)
                group.cancelAll()
            }
        }
    }

    @Test func aLeakedCallKeepsItsWorkerAndTheOthersGoOn() async throws {
        let leaky = Leaky()
        try await withServices(leaky, settings: Self.settings(workers: 2)) { cluster in
            try await cluster.dispatch(Published(title: "1"))
            await cluster.clock.advance(by: .seconds(15))
            #expect(leaky.waiting.leakedCalls == 1)
            for title in ["2", "3"] { try await cluster.dispatch(Published(title: title)) }
            await cluster.clock.advance(by: .seconds(1))
            #expect(leaky.attempts.elements == ["1", "2", "3"])
            leaky.waiting.release()
            await cluster.clock.advance(by: .zero)
            #expect(leaky.waiting.leakedCalls == 0)
        }
    }

    @Test(arguments: [(1, nil), (5, 1)] as [(Int, Int?)])
    func aServiceThatCouldOnlyBeIdleFails(workers: Int, concurrency: Int?) async throws {
        let leaky = Leaky(concurrency: concurrency)
        try await self.withHost(leaky, settings: Self.settings(workers: workers)) { host, clock, failure in
            try await host.dispatch(Published(title: "1"))
            try await eventually("it runs") { !leaky.attempts.elements.isEmpty }
            await clock.advance(by: .milliseconds(14_999))
            #expect(!host.isStopping)
            try await eventually("it stops") {
                await clock.advance(by: .milliseconds(1))
                return host.isStopping
            }
            leaky.waiting.release()
            try await eventually("it has ended") { failure.withLock { $0 } != nil }
            let expected = NoWorkerLeft(service: "leaky", entrypoints: ["on_published"])
            #expect(failure.withLock { $0 } as? NoWorkerLeft == expected)
        }
    }

    @Test func aStopDoesNotWaitForALeakedCall() async throws {
        let leaky = Leaky()
        let log = LogRecorder()
        try await withServices(leaky, settings: Self.settings(workers: 2), logger: log.logger) { cluster in
            try await cluster.dispatch(Published(title: "1"))
            await cluster.clock.advance(by: .seconds(15))
            #expect(leaky.waiting.leakedCalls == 1)
            let container = try #require(leaky.waiting.container.withLock { $0 })
            container.stop()
            // No time passes: neither the grace period nor what cancelled calls get.
            try await eventually("it has closed") { log.entries.contains { $0.message == "stopped" } }
            let beginning = "on_published ignores that it was cancelled: "
            let goesOn = try #require(log.entries.last { $0.message.hasPrefix(beginning) })
            // It is a dead letter.
            #expect(goesOn.message.contains("its message is settled"))
            leaky.waiting.release()
        }
    }

    @Test func aTimerThatIgnoresTheStopHasNoMessage() async throws {
        struct Ticking: Microservice {
            static let name = "ticking"
            let waiting = Waiting()
            let ticks = Shelf<Int>()
            var entrypoints: [any Entrypoint] {
                Timer("tick", every: .seconds(1)) {
                    ticks.put(1)
                    await waiting.wait()
                }
            }
        }
        let ticking = Ticking()
        let log = LogRecorder()
        var settings = ServiceSettings()
        settings.shutdownGrace = .zero
        let hasty = settings
        try await self.withHost(ticking, settings: hasty, logger: log.logger) { host, clock, _ in
            // The host waits for the call, also that of a test that fails.
            defer { ticking.waiting.release() }
            await clock.advance(by: .seconds(1))
            #expect(ticking.ticks.elements.count == 1)
            host.stop()
            try await eventually("it is named") {
                await clock.advance(by: .seconds(1))
                return log.entries.contains { $0.message == "tick ignores that it was cancelled: `run()` waits for it" }
            }
            #expect(host.entrypointsInWork == ["ticking.tick"])
        }
    }

    @Test(arguments: TestBroker.allCases)
    func theMessageOfACallThatIgnoresTheStopGoesBackWithoutIt(_ broker: TestBroker) async throws {
        var settings = ServiceSettings()
        settings.shutdownGrace = .milliseconds(20)
        let hasty = settings
        let leaky = Leaky(timeout: nil)
        try await broker.withConnections { connect in
            let host = try ServiceHost(broker: connect(), services: [leaky], settings: hasty, logger: TestBroker.silent)
            try await withServices(connect: connect) { cluster in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        await #expect(throws: GracePeriodExceeded.self) { try await host.run() }
                    }
                    try await host.waitUntilStarted()
                    try await cluster.dispatch(Published(title: "News"))
                    try await eventually("the handler runs") { leaky.attempts.elements.count == 1 }
                    host.stop()
                    try await eventually("the event is back") {
                        try await cluster.broker.inspect(queue: Leaky.queue).messageCount == 1
                    }
                    leaky.waiting.release()
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func theErrorNamesServiceEntrypointsAndRemedy() {
        let error = NoWorkerLeft(service: "shop", entrypoints: ["a", "b"])
        #expect("\(error)".hasPrefix("service 'shop' has no worker left for a, b: "))
        #expect("\(error)".contains("supervisor"))
    }
}
