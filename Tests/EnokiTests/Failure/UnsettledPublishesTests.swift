import EnokiInProcess
import EnokiTestSupport
import Testing

@testable import Enoki

@Suite(.timeLimit(.minutes(5))) struct UnsettledPublishesTests {
    /// Runs `body` on a broker that takes no messages.
    private func withBlockedBroker(
        _ body: (UnsettledPublishes, InProcessBroker, VirtualClock) async throws -> Void
    ) async throws {
        let clock = VirtualClock()
        let broker = InProcessBroker(clock: clock, logger: TestBroker.silent)
        let timers = TimerQueue(clock: clock)
        try await withTaskExecutorPreference(clock.executor) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await broker.run() }
                group.addTask { await timers.run() }
                try await broker.declare(Topology(queues: [Queue("q")]))
                broker.block()
                try await body(UnsettledPublishes(broker: broker, timers: timers), broker, clock)
                group.cancelAll()
            }
        }
    }

    private func publish(_ publishes: UnsettledPublishes, _ outcomes: Shelf<String>) {
        let options = PublishOptions(timeout: .seconds(3600))
        publishes.publish(Message("x"), to: "", routingKey: "q", options: options) { result in
            switch result {
            case .success: outcomes.put("confirmed")
            case .failure(let error): outcomes.put("\(error.code)")
            }
        }
    }

    @Test func aStopWaitsForConfirmsAndForNothingElse() async throws {
        try await self.withBlockedBroker { publishes, broker, _ in
            let (outcomes, waits) = (Shelf<String>(), Shelf<String>())
            self.publish(publishes, outcomes)
            publishes.wait(.seconds(60)) { waits.put("first") }
            publishes.stop()
            #expect(publishes.isStopping)
            #expect(waits.elements == ["first"])
            publishes.wait(.seconds(60)) { waits.put("second") }
            #expect(waits.elements == ["first", "second"])
            broker.unblock()
            try await eventually("it is confirmed", equals: ["confirmed"]) { outcomes.elements }
        }
    }

    @Test func whatIsGivenUpEndsAtOnceAndSoDoesWhatComes() async throws {
        try await self.withBlockedBroker { publishes, broker, _ in
            let outcomes = Shelf<String>()
            for _ in 0..<3 { self.publish(publishes, outcomes) }
            publishes.giveUp()
            try await eventually("they have ended", equals: 3) { outcomes.elements.count }
            self.publish(publishes, outcomes)
            #expect(outcomes.elements == Array(repeating: "\(BrokerError.Code.notSent)", count: 4))
            broker.unblock()
            #expect(broker.snapshot()[queue: "q"]?.ready.isEmpty == true)
        }
    }

    @Test func aWaitEndsOnce() async throws {
        try await self.withBlockedBroker { publishes, _, clock in
            let waits = Shelf<String>()
            publishes.wait(.seconds(60)) { waits.put("over") }
            await clock.advance(by: .seconds(59))
            #expect(waits.elements.isEmpty)
            await clock.advance(by: .seconds(1))
            try await eventually("it is over", equals: ["over"]) { waits.elements }
            publishes.giveUp()
            #expect(waits.elements == ["over"])
        }
    }
}
