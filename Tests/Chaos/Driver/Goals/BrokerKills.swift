import ChaosLedger
import EnokiInProcess
import EnokiTestSupport

/// G1: the broker is killed while events flow.
struct BrokerKills: Goal {
    static let name = "broker-kills"
    static let summary = "G1: confirmed events through kill -9 of the broker: 0 lost, twice within the bound"

    private static let window = 256
    private static let workers = 16

    func run(_ run: Run) async throws -> Verdict {
        let (messages, kills) = run.sized((100_000, 3), (1_000_000, 20))
        var generator = run.generator
        // Where in the stream each kill comes, in thousandths: one in each part, never at its edges.
        let places = (0..<kills).map { ($0 * 1000 + 100 + generator.index(below: 800)) / kills }
        return try await run.withCrew(heartbeat: 5) { crew in
            _ = try await crew.startStream(
                workers: Self.workers,
                sources: ["chaos_messages": "\(messages / 2)", "chaos_window": "\(Self.window)"]
            )
            let watch = LedgerWatch(folder: crew.folder)
            let start = Instant.now
            var outages: [(killed: Instant, listens: Instant)] = []
            for place in places {
                try await watch.wait(for: .confirmed, messages / 1000 * place, within: .seconds(600))
                let outage = try await run.killBroker()
                let away = (outage.listens - outage.killed).inMilliseconds
                run.say("killed the broker after \(messages / 1000 * place) events; it was away for \(away)")
                outages.append(outage)
            }
            try await watch.wait(for: .finished, 2, within: .seconds(600))
            try await run.settle()
            let took = Instant.now - start

            var verdict = Verdict()
            let history = History(try Ledger.all(in: crew.folder))
            verdict.note("kills", kills)
            verdict.note("events a second, outages included", messages * 1000 / max(took.milliseconds, 1))
            verdict.judgePublishing(history, planned: messages)
            verdict.judgeDelivery(
                history,
                // Publishers and consumers may come back only after their longest backoff.
                faults: outages.map { Fault(what: "kill -9", start: $0.killed, end: $0.listens + .seconds(15)) },
                duplicatesAtMost: kills * 2 * (Self.window + 2 * Self.workers)
            )
            self.judgeReturn(outages, history, &verdict)
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }

    /// How soon events are published and handled again.
    private func judgeReturn(
        _ outages: [(killed: Instant, listens: Instant)],
        _ history: History,
        _ verdict: inout Verdict
    ) {
        let started = history.messages.values.flatMap { $0.started.map(\.time) }.sorted()
        let confirmed = history.messages.values.flatMap(\.confirmed).sorted()
        for (name, times) in [("consuming", started), ("publishing", confirmed)] {
            let waits = outages.compactMap { outage in times.first { $0 > outage.listens }.map { $0 - outage.listens } }
            verdict.note("\(name) again after the broker listens", Statistics(waits))
            verdict.expect("median until \(name) again", Statistics(waits).quantile(0.5), atMost: .seconds(2))
            // The longest may be the fault of a machine that does other things as well.
            verdict.expect("longest until \(name) again", Statistics(waits).quantile(1), atMost: .seconds(15))
        }
    }
}
