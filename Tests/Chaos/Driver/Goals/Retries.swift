import ChaosLedger
import EnokiBroker
import EnokiTestSupport

/// G13 and G14: events that fail each time, many at once, among good ones.
struct Retries: Goal {
    static let name = "retries"
    static let summary =
        "G13, G14: exactly three attempts a second apart, then the dead letters; the others do not wait"

    private static let queue = "evt-source-tick--fickle.on_tick"

    func run(_ run: Run) async throws -> Verdict {
        // So many at once as the goal says: ten times as many stand in one queue for longer than they wait.
        let (good, poison) = run.sized((4_000, 1_000), (40_000, 1_000))
        return try await run.withCrew(heartbeat: 10) { crew in
            let handlers = try (1...2).map { try crew.hire("fickle-\($0)", services: ["fickle"], workers: 16) }
            let sources = try [(1, good, 200), (9, poison, 0)].map { producer, messages, rate in
                try crew.hire(
                    "source-\(producer)",
                    services: ["source"],
                    ["chaos_producer": "\(producer)", "chaos_messages": "\(messages)", "chaos_rate": "\(rate)"]
                )
            }
            for member in handlers { try member.start() }
            for member in handlers { try await member.logs("[fickle] started") }
            try sources[0].start()
            let watch = LedgerWatch(folder: crew.folder)
            // Half of the good ones first, to compare with.
            try await watch.wait(for: .done, good / 2, within: .seconds(300))
            let poisoned = Instant.now
            try sources[1].start()
            try await watch.wait(for: .finished, 2, within: .seconds(300))
            try await watch.wait(for: .started, good + 3 * poison, within: .seconds(300))
            let dead = try await Canary.with(run) { canary in
                try await eventually("\(poison) dead letters") {
                    try await canary.broker.inspect(queue: Self.queue + ".dead").messageCount >= poison
                }
                return try await canary.drain(Self.queue + ".dead")
            }
            var verdict = Verdict()
            let ledgers = try Ledger.all(in: crew.folder)
            verdict.judgeDelivery(
                History(ledgers.map { $0.without(producer: 9) }),
                faults: [],
                duplicatesAtMost: 0
            )
            verdict.judgeAttempts(ledgers, producer: 9, attempts: 3, delay: .seconds(1), dead: dead, planned: poison)
            verdict.judgeLatency(ledgers, producer: 1, before: poisoned)
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }
}
