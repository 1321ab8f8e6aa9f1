import ChaosLedger

extension Verdict {
    /// Judges a timer while the wall clock was moved: its beats go on evenly, and the clock did move.
    ///
    /// - Parameters:
    ///   - ledger: One entry `done` a beat; its detail is what the wall clock says, in seconds.
    ///   - steps: How far the clock was moved each time, in seconds.
    mutating func judgeBeats(_ ledger: Ledger, every interval: Duration, steps: [Int]) {
        let beats = ledger.entries.filter { $0.act == .done }
        let pairs = Array(zip(beats, beats.dropFirst()))
        let waits = pairs.map { $1.time - $0.time }
        self.note("beats of the timer", beats.count)
        self.note("between two beats", Statistics(waits))
        // For so long the process may stand still. The clock is moved by much more.
        let slack = Duration.seconds(5)
        self.expect("longest between two beats", waits.max() ?? .zero, atMost: interval + slack)
        if let first = beats.first, let last = beats.last {
            // One that was late is followed by those that it held up: together they keep the time, but for the first and the last.
            let planned = Int(((last.time - first.time) / interval).rounded())
            let missing = planned - (beats.count - 1)
            self.expect("beats too few or too many", abs(missing), atMost: Int((slack / interval).rounded()))
        }
        let jumps = pairs.compactMap { former, next -> Int? in
            guard let before = Int(former.detail), let after = Int(next.detail) else { return nil }
            let jump = after - before - (next.time - former.time).milliseconds / 1000
            return abs(jump) > 60 ? Int((Double(jump) / 60).rounded()) * 60 : nil
        }
        if jumps != steps { self.violation("the wall clock moved by \(jumps) s, not \(steps): the run proves nothing") }
    }
}
