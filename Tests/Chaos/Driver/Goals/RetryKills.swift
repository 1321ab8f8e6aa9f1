import ChaosLedger
import EnokiBroker
import EnokiInProcess
import EnokiTestSupport

/// G13: the broker is killed while failed messages wait on it and come back.
///
/// What RabbitMQ takes from the queue in which it waits it puts into the next one without a confirm. A broker that dies in that
/// moment has it in neither: that is told, and no promise of Enoki's (Docs/Failures.md). What a handler had in hand is.
struct RetryKills: Goal {
    static let name = "retry-kills"
    static let summary = "G13: kill -9 of the broker while failed events come back: 0 lost of those that were in hand"

    private static let dead = "evt-source-tick--fickle.on_tick.dead"

    func run(_ run: Run) async throws -> Verdict {
        let (messages, pairs) = run.sized((3_000, 1), (20_000, 10))
        var generator = run.generator
        return try await run.withCrew(heartbeat: 5) { crew in
            let handlers = try (1...2).map { try crew.hire("fickle-\($0)", services: ["fickle"], workers: 16) }
            let source = try crew.hire(
                "source",
                services: ["source"],
                ["chaos_producer": "9", "chaos_messages": "\(messages)", "chaos_rate": "500", "chaos_window": "64"]
            )
            for member in handlers { try member.start() }
            for member in handlers { try await member.logs("[fickle] started") }
            try source.start()
            let watch = LedgerWatch(folder: crew.folder)
            for pair in 1...pairs {
                try await watch.wait(for: .confirmed, messages * pair / (pairs + 1), within: .seconds(120))
                _ = try await run.killBroker()
                // All that waited comes back at once: now it is killed once more.
                try watch.poll()
                try await watch.wait(for: .started, (watch.counts[.started] ?? 0) + 1, within: .seconds(60))
                try await run.pause(0...200, &generator)
                _ = try await run.killBroker()
            }
            try await watch.wait(for: .finished, 1, within: .seconds(300))
            try await run.settle(within: .seconds(60), but: { $0 == Self.dead })
            let letters = try await Canary.with(run) { try await $0.drain(Self.dead) }
            let ledgers = try Ledger.all(in: crew.folder)
            var verdict = Verdict()
            verdict.judgeReturns(ledgers, producer: 9, attempts: 3, dead: letters, duplicatesAtMost: pairs * 500)
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }
}
