import ChaosLedger
import Testing

@testable import chaos

/// A verdict that cannot be bad proves nothing: each promise, broken once in the ledgers.
@Suite struct VerdictTests {
    private func entry(
        _ act: LedgerEntry.Act,
        _ sequence: Int,
        at milliseconds: Int,
        detail: String = ""
    ) -> LedgerEntry {
        LedgerEntry(
            act,
            MessageID(producer: 1, sequence: sequence),
            at: Instant(nanoseconds: milliseconds * 1_000_000),
            detail: detail
        )
    }

    private func history(_ source: [LedgerEntry], _ sinks: [LedgerEntry]...) -> History {
        let ledgers = sinks.enumerated().map { Ledger(name: "sink", process: Int32($0 + 2), entries: $1) }
        return History(
            [Ledger(name: "source", process: 1, entries: source)] + ledgers,
            publishDeadline: .milliseconds(5500)
        )
    }

    private let published: [(LedgerEntry.Act, Int)] = [(.sent, 10), (.confirmed, 12)]

    private func source(_ count: Int = 1) -> [LedgerEntry] {
        (0..<count).flatMap { sequence in self.published.map { self.entry($0, sequence, at: $1) } }
    }

    private func delivery(_ history: History, faults: [Fault] = [], bound: Int = 0) -> Verdict {
        var verdict = Verdict()
        verdict.judgeDelivery(history, faults: faults, duplicatesAtMost: bound)
        return verdict
    }

    private func fault(_ start: Int, _ end: Int) -> Fault {
        Fault(
            what: "a fault",
            start: Instant(nanoseconds: start * 1_000_000),
            end: Instant(nanoseconds: end * 1_000_000)
        )
    }

    private func violations(_ verdict: Verdict) -> [String] {
        verdict.violations.map { String($0.prefix { $0 != ":" }) }
    }

    // MARK: - Delivery

    @Test func allIsWellWhereEachEventIsHandledOnce() {
        let verdict = delivery(history(source(2), handled(0, at: 13), handled(1, at: 13)))
        #expect(verdict.isGood)
        #expect(verdict.figures.contains(.init(name: "confirmed", value: "2")))
    }

    @Test func anEventThatIsConfirmedAndNotDoneIsLost() {
        let begun = delivery(history(source(2), handled(0, at: 13) + [entry(.started, 1, at: 15)]))
        #expect(violations(begun) == ["lost"])
        #expect(begun.violations.first == "lost: 1, such as 1.1")
    }

    @Test func anEventWhosePublishFailedMayBeMissing() {
        let source = source(1) + [entry(.sent, 1, at: 10), entry(.failed, 1, at: 11, detail: "notSent")]
        #expect(delivery(history(source, [entry(.done, 0, at: 14)])).isGood)
    }

    @Test func aRunInWhichNothingHappensProvesNothing() {
        #expect(violations(delivery(history([], []))) == ["nothing was published"])
    }

    @Test func anEventThatNobodySentIsAGhost() {
        let verdict = delivery(history(source(), [entry(.done, 0, at: 14), entry(.started, 7, at: 14)]))
        #expect(violations(verdict) == ["handled and never sent, or changed on the way"])
    }

    @Test func anEventThatWasChangedIsAGhost() {
        let garbled = [entry(.started, 0, at: 13, detail: "garbled"), entry(.done, 0, at: 14)]
        let verdict = delivery(history(source(), garbled))
        #expect(violations(verdict) == ["handled and never sent, or changed on the way"])
    }

    @Test func moreDuplicatesThanTheBoundAreTooMany() {
        let handled = [0, 0, 1, 1].enumerated().map { entry(.done, $1, at: 14 + $0 % 2 * 16) }
        let faults = [fault(20, 25)]
        #expect(delivery(history(source(2), handled), faults: faults, bound: 2).isGood)
        #expect(violations(delivery(history(source(2), handled), faults: faults, bound: 1)) == ["handled twice"])
    }

    @Test func aDuplicateWithoutAFaultIsNotExcusedByTheBound() {
        let handled = [entry(.done, 0, at: 14), entry(.done, 0, at: 30)]
        let verdict = delivery(history(source(), handled), faults: [fault(40, 50)], bound: 5)
        #expect(violations(verdict) == ["handled twice without a fault near them"])
    }

    @Test func aDuplicateOfItsPublisherIsExplainedByAFaultWhileItWasPublished() {
        let source = [
            entry(.sent, 0, at: 10), entry(.failed, 0, at: 12, detail: "outcomeUnknown"), entry(.sent, 0, at: 18),
            entry(.confirmed, 0, at: 19),
        ]
        let handled = [entry(.done, 0, at: 21), entry(.done, 0, at: 22)]
        #expect(delivery(history(source, handled), faults: [fault(11, 15)], bound: 1).isGood)
    }

    // MARK: - Publishing

    @Test func publishersMustConfirmAllOfThePlan() {
        var verdict = Verdict()
        verdict.judgePublishing(history(source(2) + [entry(.sent, 2, at: 20)]), planned: 4)
        #expect(verdict.violations == ["never confirmed: 1, such as 1.2", "3 events were sent, and 4 were planned"])
    }

    @Test func aPublishBeyondItsDeadlineIsLate() {
        var verdict = Verdict()
        verdict.judgePublishing(history([entry(.sent, 0, at: 0), entry(.confirmed, 0, at: 5600)]), planned: 1)
        #expect(verdict.violations == ["publishes beyond their deadline: 1, such as 1.0 (5600 ms)"])
    }

    @Test func eachAttemptHasADeadlineOfItsOwn() {
        let attempts = [
            entry(.sent, 0, at: 0), entry(.failed, 0, at: 5000), entry(.sent, 0, at: 5050),
            entry(.confirmed, 0, at: 9000),
        ]
        var verdict = Verdict()
        verdict.judgePublishing(history(attempts), planned: 1)
        #expect(verdict.isGood)
    }

    // MARK: - Stops

    private func stop(_ process: Int32, at asked: Int, ended: Int = 200, status: Int32? = 0) -> Stop {
        Stop(
            process: process,
            asked: Instant(nanoseconds: asked * 1_000_000),
            ended: Instant(nanoseconds: ended * 1_000_000),
            status: status
        )
    }

    private func stops(_ history: History, _ stops: [Stop]) -> [String] {
        var verdict = Verdict()
        verdict.judgeStops(stops, history, within: .milliseconds(500))
        return violations(verdict)
    }

    private func handled(_ sequence: Int, at time: Int) -> [LedgerEntry] {
        [entry(.started, sequence, at: time), entry(.done, sequence, at: time + 10)]
    }

    @Test func aStopThatFinishesItsWorkIsGood() {
        #expect(stops(history(source(2), handled(0, at: 95), handled(1, at: 95)), [stop(2, at: 100)]) == [])
    }

    @Test func aStopMustFinishWhatItBegan() {
        let begun = history(source(), [entry(.started, 0, at: 95)])
        #expect(stops(begun, [stop(2, at: 100)]) == ["begun and not done"])
    }

    @Test func nothingThatAStoppedProcessBeganMayBeginElsewhere() {
        let twice = history(source(), handled(0, at: 95), handled(0, at: 150))
        #expect(stops(twice, [stop(2, at: 100)]) == ["begun, and begun a second time"])
    }

    @Test func aStopMayNotCancelNorTakeLongNorFail() {
        let late = history(source(), handled(0, at: 95) + [entry(.cancelled, 1, at: 96)] + handled(1, at: 900))
        let found = stops(late, [stop(2, at: 100, ended: 2000, status: 1)])
        #expect(
            found == [
                "cancelled", "longest from SIGTERM to the end of the last handler",
                "longest from SIGTERM to the end of the process", "ends other than exit status 0",
            ]
        )
    }

    // MARK: - Order

    @Test func whatIsBegunAgainIsNotOutOfOrder() {
        var verdict = Verdict()
        let begun = [0, 1, 0, 1, 2].enumerated().map { entry(.started, $1, at: $0) }
        verdict.judgeOrder([Ledger(name: "sink", process: 2, entries: begun)])
        #expect(verdict.isGood)
    }

    @Test func anEventThatIsOvertakenIsOutOfOrder() {
        var verdict = Verdict()
        let begun = [0, 2, 1].enumerated().map { entry(.started, $1, at: $0) }
        verdict.judgeOrder([Ledger(name: "sink", process: 2, entries: begun)])
        #expect(verdict.violations == ["overtaken by a later one: 1, such as 1.1"])
    }

    // MARK: - What publishers are told

    private func truth(_ entries: [LedgerEntry], found: [Int]) -> [String] {
        // What a run must have in it in any case.
        let sure = [
            entry(.sent, 100, at: 0), entry(.confirmed, 100, at: 1), entry(.sent, 101, at: 0, detail: "nowhere"),
            entry(.failed, 101, at: 1, detail: "unroutable"), entry(.sent, 102, at: 0, detail: "limited"),
            entry(.failed, 102, at: 1, detail: "rejected"),
        ]
        var verdict = Verdict()
        let ledger = Ledger(name: "source", process: 1, entries: sure + entries)
        verdict.judgeTruth([ledger], found: (found + [100]).map { MessageID(producer: 1, sequence: $0) })
        return violations(verdict)
    }

    @Test func whatIsTrueIsGood() {
        let unknown = [entry(.sent, 1, at: 0), entry(.failed, 1, at: 1, detail: "outcomeUnknown")]
        #expect(truth([], found: []) == [])
        #expect(truth(unknown, found: [1]) == [])
        #expect(truth(unknown, found: []) == [])
    }

    @Test func aPublishThatReturnedMustBeInTheQueue() {
        let confirmed = [entry(.sent, 1, at: 0), entry(.confirmed, 1, at: 1)]
        #expect(truth(confirmed, found: []) == ["said to be published, and in no queue"])
    }

    @Test(arguments: ["notSent", "rejected", "unroutable"])
    func aPublishThatFailedForCertainMayBeInNoQueue(_ code: String) {
        let failed = [entry(.sent, 1, at: 0), entry(.failed, 1, at: 1, detail: code)]
        #expect(truth(failed, found: [1]) == ["said not to be published, and in a queue"])
    }

    @Test func whatIsRoutedNowhereMayNotBeConfirmed() {
        let confirmed = [entry(.sent, 1, at: 0, detail: "nowhere"), entry(.confirmed, 1, at: 1)]
        #expect(truth(confirmed, found: []) == ["said to be published, and routed nowhere"])
    }

    @Test func eachPublishIsAnswered() {
        #expect(truth([entry(.sent, 1, at: 0)], found: []) == ["without an answer"])
    }

    // MARK: - Calls

    private func calls(_ entries: [LedgerEntry], planned: Int = 1) -> [String] {
        var verdict = Verdict()
        verdict.judgeCalls(
            [Ledger(name: "caller", process: 1, entries: entries)],
            planned: planned,
            timeout: .seconds(3),
            tolerance: .milliseconds(100),
            allowed: ["timeout"]
        )
        return violations(verdict)
    }

    @Test func aCallEndsOnceInItsTimeWithTheRightValue() {
        let right = entry(.answered, 0, at: 50, detail: "right")
        let called = entry(.called, 0, at: 0)
        #expect(calls([called, right]) == [])
        #expect(calls([called, entry(.refused, 0, at: 3050, detail: "timeout")]) == [])
        #expect(calls([called]) == ["without an end"])
        #expect(calls([called, right, right]) == ["ended more than once"])
        #expect(calls([called, entry(.answered, 0, at: 50, detail: "wrong")]) == ["with a wrong answer"])
        #expect(calls([called, entry(.refused, 0, at: 3200, detail: "timeout")]) == ["ended not in their time"])
        #expect(calls([called, entry(.refused, 0, at: 2900, detail: "timeout")]) == ["ended not in their time"])
        #expect(calls([called, entry(.refused, 0, at: 9, detail: "E")]) == ["ended with an error that should not be"])
        #expect(calls([called, right], planned: 2) == ["1 calls were made, and 2 were planned"])
    }

    // MARK: - Retries

    private func attempts(_ times: [(Int, Int)], dead: [Int]) -> [String] {
        var verdict = Verdict()
        verdict.judgeAttempts(
            [
                Ledger(
                    name: "fickle",
                    process: 1,
                    entries: times.map { self.entry(.started, 0, at: $1, detail: "\($0)") }
                )
            ],
            producer: 1,
            attempts: 3,
            delay: .seconds(1),
            dead: dead.map { MessageID(producer: 1, sequence: $0) },
            planned: 1
        )
        return violations(verdict)
    }

    @Test func anEventThatFailsHasItsAttemptsItsDelaysAndOneDeadLetter() {
        let right = [(1, 0), (2, 1050), (3, 2100)]
        #expect(attempts(right, dead: [0]) == [])
        #expect(attempts(right, dead: []) == ["without a dead letter"])
        #expect(attempts(right, dead: [0, 0]) == ["with several dead letters, or with one and no failure"])
        #expect(attempts(right, dead: [0, 1]) == ["with several dead letters, or with one and no failure"])
        #expect(attempts([(1, 0), (2, 1050)], dead: [0]) == ["with other attempts than 1 to 3"])
        #expect(attempts(right + [(3, 4000)], dead: [0]) == ["with other attempts than 1 to 3"])
        #expect(attempts([(1, 0), (2, 950), (3, 2100)], dead: [0]) == ["tried again too early"])
        #expect(attempts([(1, 0), (2, 1900), (3, 3800)], dead: [0]) == ["median between two attempts"])
        #expect(attempts([], dead: []) == ["0 events failed, and 1 were planned"])
    }
}
