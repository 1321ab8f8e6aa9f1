import ChaosLedger

extension Verdict {
    /// Judges what publishers were told, by what is in the queues.
    ///
    /// - Parameter found: The events in the queues, as often as they are there.
    mutating func judgeTruth(_ ledgers: [Ledger], found: [MessageID]) {
        let found = Dictionary(found.map { ($0, 1) }, uniquingKeysWith: +)
        var missing: [MessageID] = []
        var denied: [String] = []
        var unroutable: [MessageID] = []
        var open: [MessageID] = []
        var outcomes: [String: Int] = [:]
        for ledger in ledgers {
            var types: [MessageID: String] = [:]
            for entry in ledger.entries where entry.message.producer > 0 {
                switch entry.act {
                case .sent: types[entry.message] = entry.detail
                case .confirmed:
                    outcomes["confirmed", default: 0] += 1
                    if types[entry.message] == "nowhere" {
                        unroutable.append(entry.message)
                    } else if found[entry.message] == nil {
                        missing.append(entry.message)
                    }
                    types[entry.message] = nil
                case .failed:
                    outcomes[entry.detail, default: 0] += 1
                    if entry.detail != "outcomeUnknown", found[entry.message] != nil {
                        denied.append("\(entry.message) (\(entry.detail))")
                    }
                    types[entry.message] = nil
                default: break
                }
            }
            open += types.keys
        }
        for (outcome, count) in outcomes.sorted(by: { $0.key < $1.key }) { self.note(outcome, count) }
        self.note("in the queue twice", found.values.count { $0 > 1 })
        self.expectNone("said to be published, and in no queue", missing.sorted())
        self.expectNone("said not to be published, and in a queue", denied)
        self.expectNone("said to be published, and routed nowhere", unroutable.sorted())
        self.expectNone("without an answer", open.sorted())
        for outcome in ["confirmed", "unroutable", "rejected"] where outcomes[outcome] == nil {
            self.violation("no publish ended with '\(outcome)': the run proves less than it should")
        }
    }
}
