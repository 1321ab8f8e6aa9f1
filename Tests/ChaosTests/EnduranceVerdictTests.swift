import ChaosLedger
import Testing

@testable import chaos

/// What is judged of a long time and of coming back, each promise broken once.
@Suite struct EnduranceVerdictTests {
    private func violations(_ verdict: Verdict) -> [String] {
        verdict.violations.map { String($0.prefix { $0 != ":" }) }
    }

    private func instant(_ milliseconds: Int) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    // MARK: - What a process holds

    /// A minute of a process that holds `what` after so many seconds.
    private func trail(_ what: (Int) -> Footprint) -> Trail {
        Trail("p", (0..<60).map { (self.instant($0 * 1000), what($0)) })
    }

    private func footprint(kilobytes: Int = 30_000, descriptors: Int = 15, threads: Int = 7) -> Footprint {
        Footprint(memory: kilobytes * 1024, descriptors: descriptors, threads: threads)
    }

    private func trails(_ trails: [Trail]) -> [String] {
        var verdict = Verdict()
        verdict.judgeTrails(trails, messages: 1000, kilobytesAtMost: 100)
        return self.violations(verdict)
    }

    @Test func whoTakesNoMoreAfterAFifthOfTheTimeIsGood() {
        #expect(trails([trail { _ in footprint() }]) == [])
        #expect(trails([trail { footprint(kilobytes: min($0, 11) * 5000) }]) == [])
        // A connection that is made again now and then.
        #expect(trails([trail { footprint(descriptors: $0 % 3 == 0 ? 14 : 15, threads: $0 % 5 == 0 ? 9 : 7) }]) == [])
    }

    @Test func whoTakesMoreAllTheTimeIsFound() {
        #expect(trails([trail { footprint(kilobytes: 30_000 + $0 * 3) }]) == ["kilobytes that p rises by"])
        #expect(trails([trail { footprint(descriptors: 15 + $0 / 20) }]) == ["descriptors that p gains"])
        #expect(trails([trail { footprint(threads: 7 + $0 / 12) }]) == ["threads that p gains"])
    }

    @Test func whoWasNotSeenProvesNothing() {
        #expect(trails([]) == ["no process was watched"])
        #expect(trails([Trail("p", [(self.instant(0), footprint())])]) == ["p was seen only 1 times"])
    }

    @Test func theSlopeIsThatOfTheNearestLine() {
        let trail = Trail(
            "p",
            [0, 2, 1, 3].enumerated().map {
                (self.instant($0 * 1000), Footprint(memory: $1, descriptors: 0, threads: 0))
            }
        )
        #expect(abs(trail.slope(of: \.memory) - 0.8) < 1e-9)
        #expect(Trail("p").slope(of: \.memory) == 0)
    }

    // MARK: - Drift

    private func drift(_ took: (Int) -> Int) -> [String] {
        let entries = (0..<300).flatMap { number -> [LedgerEntry] in
            let id = MessageID(producer: 1, sequence: number)
            let sent = self.instant(number * 10 + 1)
            return [
                LedgerEntry(.sent, id, at: sent), LedgerEntry(.done, id, at: sent + .milliseconds(took(number))),
            ]
        }
        var verdict = Verdict()
        let history = History([Ledger(name: "a", process: 1, entries: entries)], publishDeadline: .seconds(5))
        verdict.judgeDrift(history, from: self.instant(0), to: self.instant(3000))
        return self.violations(verdict)
    }

    @Test func eventsThatTakeLongerAndLongerAreFound() {
        #expect(drift { _ in 100 } == [])
        #expect(drift { 100 + $0 / 3 } == [])
        #expect(drift { $0 * 10 } == ["half in the last third"])
        // A few of them.
        #expect(drift { $0 >= 200 && $0 % 10 == 0 ? 6000 : 100 } == ["99 % in the last third"])
        var verdict = Verdict()
        verdict.judgeDrift(History([], publishDeadline: .seconds(5)), from: self.instant(0), to: self.instant(3000))
        #expect(violations(verdict) == ["no events at the beginning or at the end"])
    }

    // MARK: - Coming back

    private func comebacks(
        _ change: (inout [Comeback]) -> Void = { _ in },
        planned: Int = 20
    ) -> [String] {
        var comebacks = (0..<20).map { number in
            Comeback(
                action: number < 10 ? .reset : .blackhole,
                seen: .milliseconds(number < 10 ? 2 : 1900),
                retried: .milliseconds(90),
                restored: (.milliseconds(100), 50)
            )
        }
        change(&comebacks)
        var verdict = Verdict()
        verdict.judgeComebacks(
            comebacks,
            planned: planned,
            consumers: 50,
            limits: .init(silenceSeen: .milliseconds(2500))
        )
        return self.violations(verdict)
    }

    private func comeback(
        seen: Int? = 2,
        retried: Int? = 90,
        restored: (after: Duration, consumers: Int)? = (.milliseconds(100), 50)
    ) -> Comeback {
        Comeback(
            action: .reset,
            seen: seen.map { .milliseconds($0) },
            retried: retried.map { .milliseconds($0) },
            restored: restored
        )
    }

    @Test func whoComesBackInTimeIsGood() {
        #expect(comebacks() == [])
        // One of ten may be late, on a busy machine.
        #expect(comebacks { $0[0] = comeback(seen: 900) } == [])
    }

    @Test func whoComesBackLateOrNotAtAllIsFound() {
        #expect(comebacks { $0[0] = comeback(seen: 6000) } == ["loss seen after reset, the longest"])
        #expect(
            comebacks { for index in 0..<2 { $0[index] = comeback(seen: 300) } } == [
                "loss seen after reset, nine in ten"
            ]
        )
        #expect(
            comebacks { for index in 0..<6 { $0[index] = comeback(seen: 60) } } == [
                "loss seen after reset, half of them"
            ]
        )
        #expect(comebacks { for index in 0..<3 { $0[index] = comeback(retried: 900) } } == ["first retry, nine in ten"])
        let slow = comeback(restored: (.milliseconds(1300), 50))
        #expect(
            comebacks { for index in 0..<3 { $0[index] = slow } } == [
                "all consumers there after connecting, nine in ten"
            ]
        )
        #expect(comebacks { $0[0] = comeback(restored: (.milliseconds(100), 49)) } == ["not all consumers there"])
        #expect(comebacks { $0[0] = comeback(seen: nil) } == ["losses that the process does not tell"])
        #expect(comebacks(planned: 21) == ["20 connections came back, and 21 were cut"])
    }

    @Test func aLogTellsWhenAConnectionWasLost() {
        let log = """
            1970-01-01T00:00:01.500Z warning [a] lost the connection to RabbitMQ: end; attempt 1 in 0.1 s connection=publishing
            1970-01-01T00:00:01.600Z info    [a] connected to RabbitMQ connection=publishing
            1970-01-01T00:00:02.007Z warning [a] lost the connection to RabbitMQ: end; attempt 1 in 0.1 s connection=consuming
            """
        #expect(
            LossLog.losses(in: log, epoch: instant(10_000)) == [
                .init(kind: .publishing, time: instant(11_500)), .init(kind: .consuming, time: instant(12_007)),
            ]
        )
    }

    @Test func aLaterCutOfTheOtherConnectionHidesNoRecovery() {
        let cut = Cut(action: .reset, direction: .toClient, trigger: .bytes(0))
        func record(_ kind: ConnectionRecord.Kind, accepted: Int, cutAt: Int?) -> ConnectionRecord {
            var record = ConnectionRecord(accepted: instant(accepted))
            record.kind = kind
            record.ready = instant(accepted + 5)
            if let cutAt { (record.cut, record.cutAt) = (cut, instant(cutAt)) }
            return record
        }
        func recoveries(again: Int) -> Int {
            [
                record(.consuming, accepted: -5000, cutAt: 100), record(.publishing, accepted: 110, cutAt: again),
                record(.consuming, accepted: 150, cutAt: nil),
            ].recoveries.count { $0.kind == .consuming }
        }
        #expect(recoveries(again: 900) == 1)
        // That one came in between.
        #expect(recoveries(again: 120) == 0)
        // One for publishing that is cut before it asks for confirms looks like one for consuming, and is followed by none.
        let (early, late) = (record(.consuming, accepted: 0, cutAt: 6), record(.consuming, accepted: 4000, cutAt: nil))
        #expect([early, record(.publishing, accepted: 60, cutAt: nil), late].recoveries.isEmpty)
    }

    // MARK: - On the way back from a wait

    private func returns(_ attempts: [Int], dead: Int, bound: Int = 0) -> [String] {
        let id = MessageID(producer: 9, sequence: 0)
        let entries =
            [LedgerEntry(.sent, id, at: instant(0)), LedgerEntry(.confirmed, id, at: instant(1))]
            + attempts.map { LedgerEntry(.started, id, at: instant($0 * 1000), detail: "\($0)") }
        var verdict = Verdict()
        verdict.judgeReturns(
            [Ledger(name: "a", process: 1, entries: entries)],
            producer: 9,
            attempts: 3,
            dead: Array(repeating: id, count: dead),
            duplicatesAtMost: bound
        )
        return self.violations(verdict)
    }

    @Test func whatWasInHandIsNotLost() {
        #expect(returns([1, 2, 3], dead: 1) == [])
        #expect(returns([1, 2, 2, 3, 3], dead: 2, bound: 1) == [])
        #expect(returns([1, 2, 3], dead: 0) == ["lost"])
        #expect(returns([], dead: 0) == ["lost"])
        // Between two attempts it was the broker's.
        #expect(returns([1, 2], dead: 0) == [])
        #expect(returns([1, 2, 3, 4], dead: 1) == ["with an attempt too many"])
        #expect(returns([1, 2, 3], dead: 2) == ["dead letters of events that had one"])
    }
}
