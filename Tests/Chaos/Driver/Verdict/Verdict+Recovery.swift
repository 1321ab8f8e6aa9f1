import ChaosLedger

/// What came of one cut of a connection, step by step.
struct Comeback: Sendable {
    let action: Cut.Action
    /// From the cut until the process knew; `nil` where it says nothing of it.
    let seen: Duration?
    /// From then until it tried to connect.
    let retried: Duration?
    /// From the connection until all consumers were there, and how many those were; `nil` on a connection that has none.
    let restored: (after: Duration, consumers: Int)?
}

extension Verdict {
    /// How long each step may take in half of the cases.
    struct ComebackLimits: Sendable {
        /// Until a reset or an end is seen.
        var seen = Duration.milliseconds(50)
        /// Until a blackhole is seen: two heartbeats, and half a second.
        let silenceSeen: Duration
        var retried = Duration.milliseconds(200)
        var restored = Duration.milliseconds(300)
        /// How much longer the longest may take, on a machine that does other things as well.
        var patience = Duration.seconds(5)
    }

    /// Judges how soon losses are seen, how soon the first retry follows, and how soon all consumers are there again:
    /// of each step half within the limit, nine in ten within four times that or half of the patience more, whichever is less, and all
    /// within the limit and the patience.
    mutating func judgeComebacks(_ comebacks: [Comeback], planned: Int, consumers: Int, limits: ComebackLimits) {
        self.note("connections cut", comebacks.count)
        if comebacks.count != planned {
            self.violation("\(comebacks.count) connections came back, and \(planned) were cut")
        }
        self.expectNone(
            "losses that the process does not tell",
            comebacks.filter { $0.seen == nil }.map(\.action.rawValue)
        )
        for action in Set(comebacks.map(\.action)).sorted(by: { $0.rawValue < $1.rawValue }) {
            let limit = action == .blackhole ? limits.silenceSeen : limits.seen
            self.judge(
                "loss seen after \(action)",
                comebacks.filter { $0.action == action }.compactMap(\.seen),
                limit,
                limits
            )
        }
        self.judge("first retry", comebacks.compactMap(\.retried), limits.retried, limits)
        let restored = comebacks.compactMap(\.restored)
        self.expectNone("not all consumers there", restored.map(\.consumers).filter { $0 != consumers })
        self.judge("all consumers there after connecting", restored.map(\.after), limits.restored, limits)
    }

    private mutating func judge(_ name: String, _ times: [Duration], _ limit: Duration, _ limits: ComebackLimits) {
        let statistics = Statistics(times)
        self.note(name, statistics)
        if times.isEmpty { self.violation("\(name): never, so the run proves nothing") }
        self.expect("\(name), half of them", statistics.quantile(0.5), atMost: limit)
        // Four times as long for a blackhole would be longer than the broker itself waits.
        let most = min(limit * 4, limit + limits.patience / 2)
        self.expect("\(name), nine in ten", statistics.quantile(0.9), atMost: most)
        self.expect("\(name), the longest", statistics.quantile(1), atMost: limit + limits.patience)
    }
}
