import ChaosLedger

extension Verdict {
    /// Judges methods that were called: none ran more than once for one call, and each that was answered ran.
    mutating func judgeRuns(_ ledgers: [Ledger]) {
        var runs: [MessageID: Int] = [:]
        var answered: Set<MessageID> = []
        for entry in ledgers.flatMap(\.entries) {
            switch entry.act {
            case .started: runs[entry.message, default: 0] += 1
            case .answered: answered.insert(entry.message)
            default: break
            }
        }
        self.note("methods run", runs.count)
        self.expectNone("run more than once for one call", runs.filter { $0.value > 1 }.keys.sorted())
        self.expectNone("answered by nobody's run", answered.filter { runs[$0] == nil }.sorted())
    }

    /// Judges calls that were under way during a fault: each answered soon after it.
    mutating func judgeCallsThatWaited(_ ledgers: [Ledger], through fault: Fault, within limit: Duration) {
        var called: [MessageID: Instant] = [:]
        var waits: [Duration] = []
        for entry in ledgers.flatMap(\.entries) {
            switch entry.act {
            case .called: called[entry.message] = entry.time
            case .answered:
                guard let start = called[entry.message], start < fault.start, entry.time > fault.end else { continue }
                waits.append(entry.time - fault.end)
            default: break
            }
        }
        if waits.isEmpty { self.violation("no call was under way in all of the fault: the run proves nothing") }
        self.note("calls that waited were answered after", Statistics(waits))
        self.expect("the last call that waited was answered after", waits.max() ?? .zero, atMost: limit)
    }

    /// Judges failed events that waited for another attempt during a fault: each has it soon after.
    mutating func judgeAttemptsThatWaited(
        _ ledgers: [Ledger],
        producer: Int,
        through fault: Fault,
        within limit: Duration
    ) {
        var begun: [MessageID: [Instant]] = [:]
        for entry in ledgers.flatMap(\.entries) where entry.act == .started && entry.message.producer == producer {
            begun[entry.message, default: []].append(entry.time)
        }
        let waits = begun.values.compactMap { times -> Duration? in
            let times = times.sorted()
            // Those that failed while nothing could be written, and had an attempt left.
            guard let last = times.last(where: { $0 < fault.end }), last > fault.start,
                let next = times.first(where: { $0 > fault.end })
            else { return nil }
            return next - fault.end
        }
        if waits.isEmpty { self.violation("no event failed in the fault: the run proves nothing") }
        self.note("events that had failed were tried again after", Statistics(waits))
        self.expect("the last of them was tried again after", waits.max() ?? .zero, atMost: limit)
    }
}
