import ChaosLedger

extension Verdict {
    /// Judges that events of one publisher were begun in its order, once those are left out that were begun before.
    mutating func judgeOrder(_ ledgers: [Ledger]) {
        let begun = ledgers.flatMap(\.entries).filter { $0.act == .started }.sorted { $0.time < $1.time }
        var seen: Set<MessageID> = []
        var last: [Int: Int] = [:]
        var overtaken: [MessageID] = []
        for entry in begun where seen.insert(entry.message).inserted {
            if let former = last[entry.message.producer], former > entry.message.sequence {
                overtaken.append(entry.message)
            }
            last[entry.message.producer] = max(last[entry.message.producer] ?? 0, entry.message.sequence)
        }
        self.note("begun for the first time", seen.count)
        self.expectNone("overtaken by a later one", overtaken)
    }
}
