import ChaosLedger
import Testing

@testable import chaos

/// What is judged of dead letters, each promise broken once.
@Suite struct DeadLetterVerdictTests {
    private func violations(_ verdict: Verdict) -> [String] {
        verdict.violations.map { String($0.prefix { $0 != ":" }) }
    }

    private typealias Judged = (id: String, reason: String, attempts: Int?)

    private func judge(_ refusals: [Judged]) -> [String] {
        var verdict = Verdict()
        verdict.judgeRefusals(
            refusals.map { Refusal(id: $0.id, reason: $0.reason, attempts: $0.attempts) },
            expected: ["a": "malformed", "b": "too-large"]
        )
        return self.violations(verdict)
    }

    @Test func eachUnreadableMessageHasOneDeadLetterForItsReason() {
        #expect(judge([("a", "malformed", 1), ("b", "too-large", 1)]) == [])
        #expect(judge([("a", "malformed", 1)]) == ["without a dead letter"])
        let stranger = "1 dead letters without an id that is known, and 0 were planned"
        let twice: [Judged] = [("a", "malformed", 1), ("b", "too-large", 1), ("b", "too-large", 1)]
        #expect(judge(twice) == ["with several dead letters"])
        #expect(judge([("a", "malformed", 1), ("b", "too-large", 1), ("c", "malformed", 1)]) == [stranger])
        #expect(judge([("a", "error", 1), ("b", "too-large", 1)]) == ["dead letters with another reason"])
        #expect(judge([("a", "malformed", 2), ("b", "too-large", 1)]) == ["with other attempts than one"])
        #expect(judge([("a", "malformed", nil), ("b", "too-large", 1)]) == ["with other attempts than one"])
    }

    @Test func aRunWithoutUnreadableMessagesProvesNothing() {
        var verdict = Verdict()
        verdict.judgeRefusals([], expected: [:])
        #expect(violations(verdict) == ["nothing unreadable was sent"])
    }

    @Test func whatIsConfirmedIsADeadLetterAndNothingElseIs() {
        func judge(_ dead: [Int]) -> [String] {
            let entries = [LedgerEntry.Act.sent, .confirmed].flatMap { act in
                (0..<2).map { LedgerEntry(act, MessageID(producer: 9, sequence: $0), at: .now) }
            }
            var verdict = Verdict()
            verdict.judgeConservation(
                [Ledger(name: "driver", process: 1, entries: entries)],
                producer: 9,
                dead: dead.map { MessageID(producer: 9, sequence: $0) }
            )
            return self.violations(verdict)
        }
        #expect(judge([0, 1]) == [])
        #expect(judge([1]) == ["lost"])
        #expect(judge([0, 1, 2]) == ["dead letters that nobody sent"])
        var verdict = Verdict()
        verdict.judgeConservation([], producer: 9, dead: [])
        #expect(violations(verdict) == ["nothing was published"])
    }
}
