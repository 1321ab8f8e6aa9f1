import ChaosLedger

extension Verdict {
    /// Judges how soon events were published and handled again after a fault.
    mutating func judgeReturn(_ history: History, after healed: Instant, within limit: Duration) {
        let confirmed = history.messages.values.flatMap(\.confirmed)
        let started = history.messages.values.flatMap { $0.started.map(\.time) }
        for (name, times) in [("published", confirmed), ("handled", started)] {
            guard let first = times.filter({ $0 > healed }).min() else {
                self.violation("nothing was \(name) again")
                continue
            }
            self.expect("\(name) again", first - healed, atMost: limit)
        }
    }
}
