import ChaosLedger

extension Verdict {
    /// Judges events of which some were left in their queue: each that was confirmed is there or was handled, once.
    mutating func judgeRemainder(_ history: History, left: Int) {
        let sent = history.messages.values.filter { !$0.sent.isEmpty }
        let confirmed = sent.count { !$0.confirmed.isEmpty }
        let undone = sent.count { !$0.confirmed.isEmpty && $0.done.isEmpty }
        // What a publisher had under way when it was stopped may be there.
        let open = sent.count { $0.confirmed.isEmpty && $0.done.isEmpty }
        self.note("confirmed", confirmed)
        self.note("left in the queue", left)
        if confirmed == 0 { self.violation("nothing was published: the run proves nothing") }
        if !(undone...undone + open).contains(left) {
            self.violation("\(undone) events were not handled, and \(left) are in the queue")
        }
        self.expectNone("handled twice", history.messages.filter { $0.value.done.count > 1 }.keys.sorted())
    }

    /// Judges the memory of a process under a constant load, in bytes, by samples: what grows with the load is not bounded.
    ///
    /// - Parameters:
    ///   - idle: What it takes when there is little to do.
    ///   - growth: In megabytes.
    mutating func judgeMemory(_ samples: [Int], idle: Int?, growthAtMost growth: Int) {
        guard let idle, let most = samples.max(), samples.count >= 10 else {
            return self.violation("the memory was looked at \(samples.count) times: the run proves nothing")
        }
        self.note("megabytes in use with little to do", idle / 1_048_576)
        self.expect("megabytes that it grew by", (most - idle) / 1_048_576, atMost: growth)
    }

    /// Judges that work went on at one rate: no quarter of the time with less than half of what the best has.
    mutating func judgeRate(of times: [Instant], from start: Instant, to end: Instant) {
        // The start of a process is not its work.
        let begin = max(start, times.filter { $0 > start }.min() ?? start)
        let quarter = (end - begin) / 4
        let counts = (0..<4).map { index in
            times.count { $0 >= begin + quarter * index && $0 < begin + quarter * (index + 1) }
        }
        self.note("handled in each quarter of \(quarter.inMilliseconds)", "\(counts)")
        let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
        if most == 0 { return self.violation("nothing was handled: the run proves nothing") }
        if least * 2 < most { self.violation("the rate was not constant: \(counts) in the quarters") }
    }

    /// Judges how long a publisher waited for its confirms, before something happened and after: it must not be much more.
    mutating func judgeConfirms(_ ledgers: [Ledger], producer: Int, before: Instant, after: Instant) {
        var sent: [MessageID: Instant] = [:]
        var early: [Duration] = []
        var late: [Duration] = []
        for entry in ledgers.flatMap(\.entries) where entry.message.producer == producer {
            switch entry.act {
            case .sent: sent[entry.message] = entry.time
            case .confirmed:
                guard let start = sent[entry.message] else { continue }
                if entry.time < before { early.append(entry.time - start) }
                if start > after { late.append(entry.time - start) }
            default: break
            }
        }
        if min(early.count, late.count) < 100 {
            self.violation("\(early.count) and \(late.count) publishes to compare: the run proves nothing")
        }
        self.note("a publish took, before", Statistics(early))
        self.note("a publish took, after", Statistics(late))
        // Twice as long, and what a busy machine takes.
        let bound = Statistics(early).quantile(0.5) * 2 + .milliseconds(100)
        self.expect("median of the publishes after", Statistics(late).quantile(0.5), atMost: bound)
    }
}
