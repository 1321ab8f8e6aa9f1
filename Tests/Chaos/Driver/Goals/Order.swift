import ChaosLedger

/// G19: one publisher, one worker, and cuts.
struct Order: Goal {
    static let name = "order"
    static let summary = "G19: one at a time on both sides stays in order through cuts"

    func run(_ run: Run) async throws -> Verdict {
        let cuts = run.sized(20, 200)
        return try await run.withCrew(heartbeat: 1) { crew in
            let sink = try crew.hire("sink", services: ["sink"], workers: 1)
            let source = try crew.hire(
                "source",
                services: ["source"],
                ["chaos_producer": "1", "chaos_messages": "100000000", "chaos_window": "1", "chaos_rate": "200"]
            )
            try sink.start()
            try await sink.logs("[sink] started")
            try source.start()
            try await source.logs("[source] started")
            let start = Instant.now
            try await Cutter.cut(crew.all, seed: run.seed) { crew.cuts < cuts }
            for member in crew.all { await member.heals(within: .seconds(15)) }
            let end = Instant.now + .seconds(10)
            try await source.stop()
            try await run.settle()

            var verdict = Verdict()
            let ledgers = try Ledger.all(in: crew.folder)
            let history = History(ledgers)
            verdict.note("cuts", crew.cuts)
            verdict.judgeDelivery(
                history,
                faults: [Fault(what: "cuts", start: start, end: end)],
                // One that is unconfirmed, and two in hand.
                duplicatesAtMost: crew.cuts * 3
            )
            verdict.judgeOrder(ledgers)
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }
}
