import EnokiBroker
import Testing

@testable import EnokiRabbitMQ

@Suite struct ConnectionStateMachineTests {
    private let start = ContinuousClock.now
    private let failure = BrokerError(.connectionFailed, "refused")

    /// One whose delays are their bounds.
    private func machine(hosts: [String] = ["a"], failFast: Bool = false) -> ConnectionStateMachine {
        var configuration = RabbitMQConfiguration()
        configuration.endpoints = hosts.map { .init(host: $0) }
        configuration.failFast = failFast
        return ConnectionStateMachine(configuration, chance: { 1 })
    }

    private func waits(_ action: ConnectionStateMachine.Action) -> Duration? {
        if case .wait(let duration, _) = action { duration } else { nil }
    }

    @Test func waitsDoubleUpToTheMaximum() throws {
        var machine = self.machine()
        #expect(machine.start() == .connect(.init(host: "a"), attempt: 1))
        var delays: [Double] = []
        for attempt in 2...10 {
            let delay = try #require(self.waits(machine.failed(self.failure, after: .seconds(1))))
            delays.append(delay / .milliseconds(1))
            #expect(machine.waited() == .connect(.init(host: "a"), attempt: attempt))
        }
        for (delay, bound) in zip(delays, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]) {
            #expect(abs(delay - Double(bound)) < 1)
        }
    }

    @Test func aPortThatIsClosedIsAskedAboutEverySecond() throws {
        var machine = self.machine()
        _ = machine.start()
        var delays: [Double] = []
        for _ in 0..<6 {
            delays.append(try #require(self.waits(machine.failed(self.failure, after: .zero))) / .milliseconds(1))
            _ = machine.waited()
        }
        for (delay, bound) in zip(delays, [100, 200, 400, 800, 1000, 1000]) { #expect(abs(delay - Double(bound)) < 1) }
        // Now something listens that does not answer.
        let delay = try #require(self.waits(machine.failed(self.failure, after: .seconds(2))))
        #expect(delay > .seconds(6))
    }

    @Test func waitsAreSpreadOverTheWholeBound() {
        let backoff = ReconnectBackoff()
        let delays = [0, 0.25, 1].map { backoff.delay(beforeAttempt: 20, atMost: .seconds(60), chance: $0) }
        #expect(delays == [.zero, .milliseconds(2500), .seconds(10)])
    }

    @Test func theNodesOfAClusterAreTriedInTurnBeforeAnyWait() {
        var machine = self.machine(hosts: ["a", "b", "c"])
        #expect(machine.start() == .connect(.init(host: "a"), attempt: 1))
        #expect(machine.failed(self.failure, after: .seconds(1)) == .wait(.zero, beforeAttempt: 2))
        #expect(machine.waited() == .connect(.init(host: "b"), attempt: 2))
        #expect(machine.failed(self.failure, after: .seconds(1)) == .wait(.zero, beforeAttempt: 3))
        #expect(machine.waited() == .connect(.init(host: "c"), attempt: 3))
        let delay = self.waits(machine.failed(self.failure, after: .seconds(1))) ?? .zero
        #expect(delay > .milliseconds(99) && delay < .milliseconds(101))
        #expect(machine.waited() == .connect(.init(host: "a"), attempt: 4))
    }

    @Test func aRefusedLoginIsTriedAgainSlowly() {
        for code in [BrokerError.Code.loginRefused, .vhostNotFound, .tlsFailed] {
            var machine = self.machine()
            _ = machine.start()
            let longest = self.waits(machine.failed(BrokerError(code, ""), after: .zero)) ?? .zero
            #expect(abs(longest / .seconds(1) - 10) < 0.001)
        }
    }

    @Test func clientsWhoseLoginIsRefusedDoNotComeBackInStep() {
        var waits: Set<Duration> = []
        for _ in 0..<20 {
            var machine = ConnectionStateMachine(RabbitMQConfiguration())
            _ = machine.start()
            guard case .wait(let wait, _) = machine.failed(BrokerError(.loginRefused, ""), after: .zero) else {
                continue
            }
            waits.insert(wait)
        }
        #expect(waits.count == 20 && waits.allSatisfy { .seconds(5)...(.seconds(10)) ~= $0 })
    }

    @Test func failFastEndsOnlyTheFirstConnection() {
        var machine = self.machine(hosts: ["a", "b"], failFast: true)
        _ = machine.start()
        #expect(machine.failed(self.failure, after: .seconds(1)) == .wait(.zero, beforeAttempt: 2))
        _ = machine.waited()
        #expect(machine.failed(self.failure, after: .seconds(1)) == .fail(self.failure))

        machine = self.machine(failFast: true)
        _ = machine.start()
        machine.connected(at: self.start)
        _ = machine.lost(at: self.start + .seconds(60))
        _ = machine.waited()
        #expect(self.waits(machine.failed(self.failure, after: .seconds(1))) != nil)
    }

    @Test(arguments: [false, true]) func onlyAFirstRoundBehindWhichAnotherFollowsIsHurried(failFast: Bool) {
        var machine = self.machine(hosts: ["a", "b"], failFast: failFast)
        _ = machine.start()
        #expect([1, 2, 3].map { machine.isHurried(attempt: $0) } == [!failFast, !failFast, false])
        machine.connected(at: self.start)
        _ = machine.lost(at: self.start + .seconds(60))
        #expect([1, 2, 3].map { machine.isHurried(attempt: $0) } == [true, true, false])
    }

    @Test func aConnectionThatHeldBeginsANewSeries() {
        var machine = self.machine()
        _ = machine.start()
        machine.connected(at: self.start)
        guard case .wait(_, beforeAttempt: let attempt) = machine.lost(at: self.start + .seconds(6)) else {
            Issue.record("does not wait")
            return
        }
        #expect(attempt == 1)
    }

    @Test func aConnectionLostAtOnceDoesNotRestartTheBackoff() throws {
        var machine = self.machine()
        _ = machine.start()
        var delay = Duration.zero
        for _ in 0..<8 {
            machine.connected(at: self.start)
            delay = try #require(self.waits(machine.lost(at: self.start + .milliseconds(1))))
            _ = machine.waited()
        }
        #expect(delay > .seconds(9))
    }

    @Test func afterTheEndNothingHappens() {
        var machine = self.machine()
        _ = machine.start()
        machine.close()
        #expect(machine.failed(self.failure, after: .seconds(1)) == .stop)
        #expect(machine.waited() == .stop)
        #expect(machine.lost(at: self.start) == .stop)
    }
}

@Suite struct HeartbeatTests {
    private let start = ContinuousClock.now

    @Test func speaksAfterHalfAnIntervalOfSilenceOfItsOwn() {
        var heartbeat = Heartbeat(interval: .seconds(10), now: self.start)
        #expect(heartbeat.due(at: self.start) == .wait(until: self.start + .seconds(5)))
        heartbeat.sent(at: self.start + .seconds(3))
        heartbeat.received(at: self.start + .seconds(3))
        #expect(heartbeat.due(at: self.start + .seconds(7)) == .wait(until: self.start + .seconds(8)))
        #expect(heartbeat.due(at: self.start + .seconds(8)) == .send)
    }

    @Test func givesUpAfterTwoIntervalsWithoutInput() {
        var heartbeat = Heartbeat(interval: .seconds(10), now: self.start)
        heartbeat.sent(at: self.start + .seconds(19))
        #expect(heartbeat.due(at: self.start + .seconds(19)) == .wait(until: self.start + .seconds(20)))
        #expect(heartbeat.due(at: self.start + .seconds(20)) == .giveUp)
        heartbeat.received(at: self.start + .seconds(20))
        #expect(heartbeat.due(at: self.start + .seconds(20)) != .giveUp)
    }
}
