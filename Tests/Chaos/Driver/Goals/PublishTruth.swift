import ChaosLedger
import EnokiBroker
import EnokiInProcess

/// G10: what publishing says is true.
struct PublishTruth: Goal {
    static let name = "publish-truth"
    static let summary = "G10: what returned is in the queue, what failed says rightly whether it can be"

    func run(_ run: Run) async throws -> Verdict {
        let messages = run.sized(5_000, 25_000)
        return try await run.withCrew(heartbeat: 1) { crew in
            try await Canary.with(run) { canary in
                try await self.declareQueues(canary)
                let sources = try (1...4).map { number in
                    try crew.hire(
                        "source-\(number)",
                        services: ["source"],
                        [
                            "chaos_producer": "\(number)", "chaos_messages": "\(messages)", "chaos_rate": "180",
                            "chaos_window": "64", "chaos_retry": "false", "chaos_unroutable": "20",
                            "chaos_limited": "21",
                        ]
                    )
                }
                for member in sources { try member.start() }
                for member in sources { try await member.logs("[source] started") }
                let watch = Locked(LedgerCounts(folder: crew.folder))
                try await Cutter.cut(sources, seed: run.seed) {
                    try watch.withLock { try $0.finished() } < sources.count
                }
            }
            // Another canary, whose connections are fresh, sees what the broker has.
            let found = try await Canary.with(run) { canary in
                for member in crew.all { try await member.stop() }
                return try await canary.drain("truth") + canary.drain("full")
            }
            var verdict = Verdict()
            let ledgers = try Ledger.all(in: crew.folder)
            verdict.note("cuts", crew.cuts)
            verdict.judgeDeadlines(History(ledgers))
            verdict.judgeTruth(ledgers, found: found)
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }

    /// One queue for all events, and one for those of type `limited`, which takes a single one.
    private func declareQueues(_ canary: Canary) async throws {
        let exchange = "\(Tick.source).events"
        let limits: Headers = ["x-max-length": .int64(1), "x-overflow": .string("reject-publish")]
        try await canary.declare(
            Topology(
                exchanges: [Exchange(exchange, .topic)],
                queues: [Queue("truth"), Queue("full", arguments: limits)],
                bindings: [
                    Binding(from: exchange, toQueue: "truth", routingKey: Tick.type),
                    Binding(from: exchange, toQueue: "full", routingKey: "limited"),
                ]
            )
        )
    }
}

/// Counts ends of plans.
private struct LedgerCounts: @unchecked Sendable {
    private let watch: LedgerWatch
    init(folder: String) { self.watch = LedgerWatch(folder: folder) }
    func finished() throws -> Int {
        try self.watch.poll()
        return self.watch.counts[.finished] ?? 0
    }
}
