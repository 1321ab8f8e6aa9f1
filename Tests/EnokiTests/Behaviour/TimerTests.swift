import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// nameko's rules for timers, in virtual time.
@Suite struct TimerTests {
    private struct Ticker: Microservice {
        static let name = "ticker"
        var eager = false
        var failing = false
        let ticks = Shelf<Int>()
        var slow: (@Sendable (Int) async throws -> Void)?

        var entrypoints: [any Entrypoint] {
            Timer("tick", every: .seconds(10), eager: eager, tick)
        }

        func tick() async throws {
            self.ticks.put(self.ticks.elements.count)
            try await self.slow?(self.ticks.elements.count)
            if self.failing { throw Boom(reason: "each time") }
        }
    }

    @Test func theFirstTickComesAfterOneInterval() async throws {
        let ticker = Ticker()
        try await withServices(ticker) { cluster in
            await cluster.clock.advance(by: .seconds(9))
            #expect(ticker.ticks.elements.count == 0)
            await cluster.clock.advance(by: .seconds(1))
            try await eventually("it ticks", equals: 1) { ticker.ticks.elements.count }
            await cluster.clock.advance(by: .seconds(100))
            try await eventually("it goes on", equals: 11) { ticker.ticks.elements.count }
        }
    }

    @Test func anEagerTimerTicksAtOnce() async throws {
        let ticker = Ticker(eager: true)
        try await withServices(ticker) { cluster in
            try await eventually("it ticks", equals: 1) { ticker.ticks.elements.count }
            await cluster.clock.advance(by: .seconds(10))
            try await eventually("it goes on", equals: 2) { ticker.ticks.elements.count }
        }
    }

    @Test func anErrorDoesNotStopIt() async throws {
        let ticker = Ticker(failing: true)
        try await withServices(ticker) { cluster in
            await cluster.clock.advance(by: .seconds(30))
            try await eventually("it goes on", equals: 3) { cluster.calls.count }
            #expect(cluster.calls.allSatisfy { $0.outcome.error is Boom })
        }
    }

    @Test func ticksThatWereHeldUpFollowBackToBack() async throws {
        let gate = Latch()
        var ticker = Ticker()
        ticker.slow = { tick in if tick == 1 { await gate.wait() } }
        let running = ticker
        try await withServices(running) { cluster in
            await cluster.clock.advance(by: .seconds(35))
            try await eventually("it ticks", equals: 1) { running.ticks.elements.count }
            let ticks = cluster.expect(Ticker.self, "tick", count: 3)
            gate.open()
            try await ticks.values()
            await cluster.clock.advance(by: .seconds(4))
            #expect(running.ticks.elements.count == 3)
            await cluster.clock.advance(by: .seconds(1))
            try await eventually("it is on time again", equals: 4) { running.ticks.elements.count }
        }
    }

    @Test func onceIsCalledOnceAtStart() async throws {
        struct Starter: Microservice {
            static let name = "starter"
            let calls = Shelf<Bool>()
            var entrypoints: [any Entrypoint] { Once("warm_up") { calls.put(true) } }
        }
        let starter = Starter()
        try await withServices(starter) { cluster in
            try await eventually("it is called", equals: 1) { cluster.calls.count }
            await cluster.clock.advance(by: .seconds(60))
            #expect(starter.calls.elements == [true])
        }
    }
}
