import ChaosLedger

extension Verdict {
    /// Judges calls: each ends once, with the right value or an error that may be, and not after its time.
    mutating func judgeCalls(
        _ ledgers: [Ledger],
        planned: Int,
        timeout: Duration,
        tolerance: Duration,
        allowed: Set<String>
    ) {
        var called: [MessageID: Instant] = [:]
        var ends: [MessageID: Int] = [:]
        var wrong: [MessageID] = []
        var late: [String] = []
        var strange: [String] = []
        var errors: [String: Int] = [:]
        for entry in ledgers.flatMap(\.entries) {
            switch entry.act {
            case .called: called[entry.message] = entry.time
            case .answered, .refused:
                ends[entry.message, default: 0] += 1
                if entry.act == .refused {
                    errors[entry.detail, default: 0] += 1
                    if !allowed.contains(entry.detail) { strange.append("\(entry.message) (\(entry.detail))") }
                } else if entry.detail != "right" {
                    wrong.append(entry.message)
                }
                guard let start = called[entry.message] else { continue }
                let took = entry.time - start
                if took > timeout + tolerance { late.append("\(entry.message) (\(took.inMilliseconds))") }
                if entry.detail == "timeout", took < timeout {
                    late.append("\(entry.message) (only \(took.inMilliseconds))")
                }
            default: break
            }
        }
        self.note("calls", called.count)
        if called.count != planned { self.violation("\(called.count) calls were made, and \(planned) were planned") }
        for (error, count) in errors.sorted(by: { $0.key < $1.key }) { self.note("ended with \(error)", count) }
        self.expectNone("without an end", called.keys.filter { ends[$0] == nil }.sorted())
        self.expectNone("ended more than once", ends.filter { $0.value > 1 }.keys.sorted())
        self.expectNone("with a wrong answer", wrong.sorted())
        self.expectNone("ended not in their time", late)
        self.expectNone("ended with an error that should not be", strange)
    }
}
