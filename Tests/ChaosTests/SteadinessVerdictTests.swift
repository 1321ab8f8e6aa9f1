import ChaosLedger
import EnokiTestSupport
import Foundation
import Testing

@testable import chaos

/// The verdicts on what goes on through a fault, or comes back after it: each broken once.
@Suite struct SteadinessVerdictTests {
    private func at(_ milliseconds: Int) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    private func entry(_ act: LedgerEntry.Act, _ number: Int, at time: Int, detail: String = "") -> LedgerEntry {
        LedgerEntry(act, MessageID(producer: 1, sequence: number), at: self.at(time), detail: detail)
    }

    private func ledger(_ entries: [LedgerEntry], _ name: String = "one") -> Ledger {
        Ledger(name: name, process: 1, entries: entries)
    }

    private func violations(_ judge: (inout Verdict) -> Void) -> [String] {
        var verdict = Verdict()
        judge(&verdict)
        return verdict.violations.map { String($0.prefix { $0 != ":" }) }
    }

    // MARK: - Memory and rate

    @Test func memoryThatGrowsWithTheLoadIsNotBounded() {
        let megabyte = 1_048_576
        let level = (0..<50).map { 40 * megabyte + $0 % 3 * megabyte }
        let growing = (0..<50).map { (40 + $0) * megabyte }
        func judged(_ samples: [Int]) -> [String] {
            violations { $0.judgeMemory(samples, idle: 40 * megabyte, growthAtMost: 16) }
        }
        #expect(judged(level) == [])
        #expect(judged(growing) == ["megabytes that it grew by"])
        #expect(judged([]).count == 1)
    }

    @Test func aRateThatFallsByHalfIsNotConstant() {
        let even = (0..<400).map { at($0 * 10) }
        let slowing = (0..<400).map { at($0 * $0 / 40) }
        #expect(violations { $0.judgeRate(of: even, from: at(0), to: at(4000)) } == [])
        #expect(violations { $0.judgeRate(of: slowing, from: at(0), to: at(4000)) }.count == 1)
        #expect(violations { $0.judgeRate(of: [], from: at(0), to: at(4000)) }.count == 1)
    }

    @Test func publishesThatTakeLongerAreNoticed() {
        func publishes(_ slow: Int) -> Ledger {
            let early = (0..<200).flatMap { [entry(.sent, $0, at: $0 * 10), entry(.confirmed, $0, at: $0 * 10 + 5)] }
            let late = (200..<400).flatMap {
                [entry(.sent, $0, at: $0 * 10 + 1000), entry(.confirmed, $0, at: $0 * 10 + 1000 + slow)]
            }
            return ledger(early + late)
        }
        func judged(_ slow: Int) -> [String] {
            violations { $0.judgeConfirms([publishes(slow)], producer: 1, before: at(2100), after: at(2900)) }
        }
        #expect(judged(20) == [])
        #expect(judged(300) == ["median of the publishes after"])
    }

    @Test func whatIsNeitherHandledNorLeftIsLost() {
        let source = (0..<3).flatMap { [entry(.sent, $0, at: 1), entry(.confirmed, $0, at: 2)] }
        func judged(_ handled: [Int], left: Int) -> [String] {
            let entries = source + handled.map { entry(.done, $0, at: 3) }
            let history = History([ledger(entries)], publishDeadline: .seconds(5))
            return violations { $0.judgeRemainder(history, left: left) }
        }
        #expect(judged([0, 1], left: 1) == [])
        #expect(judged([0], left: 1) == ["2 events were not handled, and 1 are in the queue"])
        #expect(judged([0], left: 3) == ["2 events were not handled, and 3 are in the queue"])
        #expect(judged([0, 0, 1], left: 1) == ["handled twice"])
    }

    // MARK: - Calls and attempts through a fault

    @Test func aMethodThatRunsAgainForItsReplyIsFound() {
        let calls = [entry(.called, 0, at: 1), entry(.answered, 0, at: 9)]
        let once = [entry(.started, 0, at: 2)]
        #expect(violations { $0.judgeRuns([ledger(calls), ledger(once)]) } == [])
        let twice = once + [entry(.started, 0, at: 5)]
        #expect(violations { $0.judgeRuns([ledger(calls), ledger(twice)]) } == ["run more than once for one call"])
        #expect(violations { $0.judgeRuns([ledger(calls)]) } == ["answered by nobody's run"])
    }

    @Test func aCallThatWaitsOnAfterTheFaultIsFound() {
        let fault = Fault(what: "alarm", start: at(100), end: at(200))
        func judged(_ answered: Int) -> [String] {
            let calls = [entry(.called, 0, at: 50), entry(.answered, 0, at: answered)]
            return violations { $0.judgeCallsThatWaited([ledger(calls)], through: fault, within: .milliseconds(50)) }
        }
        #expect(judged(240) == [])
        #expect(judged(260) == ["the last call that waited was answered after"])
        #expect(judged(150) == ["no call was under way in all of the fault"])
    }

    @Test func anAttemptThatWaitsOnAfterTheFaultIsFound() {
        let fault = Fault(what: "alarm", start: at(100), end: at(200))
        func judged(_ first: Int, _ second: Int) -> [String] {
            let attempts = [entry(.started, 0, at: first), entry(.started, 0, at: second)]
            return violations {
                $0.judgeAttemptsThatWaited(
                    [ledger(attempts)],
                    producer: 1,
                    through: fault,
                    within: .milliseconds(50)
                )
            }
        }
        #expect(judged(150, 240) == [])
        #expect(judged(150, 260) == ["the last of them was tried again after"])
        #expect(judged(50, 90) == ["no event failed in the fault"])
    }

    // MARK: - Returns

    @Test func whoComesBackLateOrNeverIsFound() {
        func judged(_ confirmed: Int, _ started: Int) -> [String] {
            let entries = [
                entry(.sent, 0, at: 1), entry(.confirmed, 0, at: confirmed), entry(.started, 0, at: started),
            ]
            let history = History([ledger(entries)], publishDeadline: .seconds(5))
            return violations { $0.judgeReturn(history, after: at(100), within: .milliseconds(50)) }
        }
        #expect(judged(120, 130) == [])
        #expect(judged(160, 130) == ["published again"])
        #expect(judged(120, 90) == ["nothing was handled again"])
    }

    @Test func clientsThatComeBackInStepAreFound() {
        let moments = [at(0), at(1000)]
        let spread = [0, 1000].flatMap { start in (1...10).map { at(start + $0 * 30) } }
        let inStep = [0, 1000].flatMap { start in (1...10).map { at(start + 100 + $0) } }
        func judged(_ returns: [Instant]) -> [String] {
            violations { $0.judgeSpread(of: returns, after: moments, within: .milliseconds(20)) }
        }
        #expect(judged(spread) == [])
        #expect(judged(inStep) == ["hundredths of them within 20 ms, in the middle case"])
        #expect(judged([at(10)]) == ["hardly anybody came back together"])
    }

    // MARK: - Queues

    @Test func aQueueThatNeverEndsIsFound() throws {
        func queue(_ name: String, autoDelete: Bool = false, _ arguments: [String: String] = [:]) throws
            -> ObservedQueue
        {
            let fields = """
                {"name": "\(name)", "durable": true, "exclusive": false, "autoDelete": \(autoDelete),
                "arguments": \(String(decoding: try JSONEncoder().encode(arguments), as: UTF8.self)),
                "messagesReady": 0, "messagesUnacknowledged": 0}
                """
            return try JSONDecoder().decode(ObservedQueue.self, from: Data(fields.utf8))
        }
        let good = [
            try queue("pool"), try queue("mine", autoDelete: true), try queue("reply", ["x-expires": "300000"]),
        ]
        let left = try queue("left")
        #expect(violations { $0.judgeQueues(good, shared: ["pool"]) } == [])
        #expect(
            violations { $0.judgeQueues(good + [left], shared: ["pool"]) }
                == ["queues of one instance that never end"]
        )
        #expect(violations { $0.judgeQueues([], shared: ["pool"]) } == ["shared queues that are missing"])
    }

    // MARK: - Clocks

    @Test func aTimerThatFollowsTheWallClockIsFound() {
        func beats(_ times: [Int], _ walls: [Int]) -> Ledger {
            ledger(zip(times, walls).enumerated().map { entry(.done, $0, at: $1.0, detail: "\($1.1)") })
        }
        let times = (0..<80).map { $0 * 250 }
        let walls = times.map { $0 / 1000 + ($0 > 5000 ? 3600 : 0) }
        func judged(_ ledger: Ledger, _ steps: [Int] = [3600]) -> [String] {
            violations { $0.judgeBeats(ledger, every: .milliseconds(250), steps: steps) }
        }
        #expect(judged(beats(times, walls)) == [])
        // It stood still for a while, and made too many at once.
        #expect(judged(beats(times.map { $0 > 5000 ? $0 + 7000 : $0 }, walls)).contains("longest between two beats"))
        #expect(
            judged(beats(times.map { $0 > 5000 ? 5000 + $0 % 250 : $0 }, walls)).contains("beats too few or too many")
        )
        // The clock was not moved at all.
        #expect(judged(beats(times, times.map { $0 / 1000 })).count == 1)
    }

    // MARK: - Logs

    @Test func aLineHasItsLevelAsItsSecondWord() {
        let error = LoggedLine(text: "2026-11-22T00:07:23.893Z error   [callee] a reply was not published error=\"x\"")
        let warning = LoggedLine(text: "2026-11-22T00:06:53.868Z warning [chaos-worker] the broker takes no messages")
        let info = LoggedLine(text: "2026-11-22T00:07:51.268Z info    [source] error")
        #expect([error, warning, info].map(\.isError) == [true, false, false])
        #expect([error, warning, info].map(\.isComplaint) == [true, true, false])
    }

    @Test func aLogThatIsFilledWithOneComplaintIsFound() {
        func lines(_ count: Int) -> [LoggedLine] {
            (0..<count).map {
                LoggedLine(text: "2026-11-22T00:07:23.\(100 + $0)Z error   [one] refused, attempt \($0)")
            }
        }
        #expect(violations { $0.judgeLines(lines(3), of: "one") } == [])
        #expect(violations { $0.judgeLines(lines(40), of: "one") } == ["lines with the same complaint of one"])
        #expect(violations { $0.judgeLines([], of: "one") } == ["one"])
    }
}
