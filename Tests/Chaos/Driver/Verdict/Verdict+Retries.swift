import ChaosLedger

extension Ledger {
    /// What it says of all other producers.
    func without(producer: Int) -> Ledger {
        Ledger(name: self.name, process: self.process, entries: self.entries.filter { $0.message.producer != producer })
    }
}

extension Verdict {
    /// Judges events that fail each time: so many attempts, so far apart, then one dead letter each.
    ///
    /// - Parameter factor: How many times the delay half of the attempts may wait. Half a second comes on top: of a short delay a share is
    ///   less than a round through broker and handler takes on a busy machine.
    mutating func judgeAttempts(
        _ ledgers: [Ledger],
        producer: Int,
        attempts: Int,
        delay: Duration,
        dead: [MessageID],
        planned: Int,
        medianAtMost factor: Double = 1.3
    ) {
        var begun: [MessageID: [LedgerEntry]] = [:]
        for entry in ledgers.flatMap(\.entries) where entry.act == .started && entry.message.producer == producer {
            begun[entry.message, default: []].append(entry)
        }
        var miscounted: [String] = []
        var early: [String] = []
        var delays: [Duration] = []
        for (id, unsorted) in begun {
            let entries = unsorted.sorted { $0.time < $1.time }
            if entries.map(\.detail) != (1...attempts).map(String.init) {
                miscounted.append("\(id) (\(entries.map(\.detail).joined(separator: " ")))")
            }
            for (former, next) in zip(entries, entries.dropFirst()) {
                let waited = next.time - former.time
                delays.append(waited)
                if waited < delay { early.append("\(id) (\(waited.inMilliseconds))") }
            }
        }
        self.note("events that fail", begun.count)
        if begun.count != planned { self.violation("\(begun.count) events failed, and \(planned) were planned") }
        self.expectNone("with other attempts than 1 to \(attempts)", miscounted.sorted())
        self.note("between two attempts", Statistics(delays))
        let median = Statistics(delays).quantile(0.5)
        self.expect("median between two attempts", median, atMost: delay * factor + .milliseconds(500))
        self.expectNone("tried again too early", early.sorted())
        let letters = Dictionary(dead.map { ($0, 1) }, uniquingKeysWith: +)
        self.expectNone("without a dead letter", begun.keys.filter { letters[$0] == nil }.sorted())
        self.expectNone(
            "with several dead letters, or with one and no failure",
            letters.filter { $0.value > 1 || begun[$0.key] == nil }.keys.sorted()
        )
    }

    /// How long good events took from publisher to handler, before and after something happened: it must not be much more.
    mutating func judgeLatency(_ ledgers: [Ledger], producer: Int, before change: Instant) {
        var sent: [MessageID: Instant] = [:]
        var done: [MessageID: Instant] = [:]
        for entry in ledgers.flatMap(\.entries) where entry.message.producer == producer {
            if entry.act == .sent { sent[entry.message] = entry.time }
            if entry.act == .done { done[entry.message] = entry.time }
        }
        let times = sent.compactMap { id, start in done[id].map { (start, $0 - start) } }
        let before = Statistics(times.filter { $0.0 < change }.map(\.1))
        let after = Statistics(times.filter { $0.0 >= change }.map(\.1))
        self.note("good events took, before", before)
        self.note("good events took, with the others among them", after)
        // Twice as long, and what a busy machine takes: a hundredth is on its way when a process stands still for seconds.
        for (name, share, slack) in [("half", 0.5, Duration.seconds(1)), ("99 %", 0.99, Duration.seconds(5))] {
            self.expect(
                "\(name) of good events, with the others among them",
                after.quantile(share),
                atMost: before.quantile(share) * 2 + slack
            )
        }
    }
}
