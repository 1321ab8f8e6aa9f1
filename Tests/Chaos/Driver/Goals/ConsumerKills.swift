import ChaosLedger
import EnokiInProcess
import EnokiTestSupport
import Foundation

/// G3: consumers are killed while they work.
struct ConsumerKills: Goal {
    static let name = "consumer-kills"
    static let summary = "G3: SIGKILL of consumers: 0 lost, twice within the bound"

    private static let workers = 16
    private static let dead = "evt-source-tick--sink.on_tick.dead"
    /// In which all is done after the last kill. What may not come back once more is worked on one by one.
    private static let patience = Duration.seconds(180)
    /// How many kills; `nil` is what the size says.
    var kills: Int?
    /// What the consumers do wrong on purpose; see ``Sink`` of the worker program.
    var sabotage: String?

    init() {}

    func run(_ run: Run) async throws -> Verdict {
        let kills = self.kills ?? run.sized(20, 200)
        return try await run.withCrew(heartbeat: 5) { crew in
            let settings = self.sabotage.map { ["chaos_sabotage": $0] } ?? [:]
            let sinks = try (1...2).map {
                try crew.hire("sink-\($0)", services: ["sink"], workers: Self.workers, settings)
            }
            let source = try crew.hire(
                "source",
                services: ["source"],
                ["chaos_producer": "1", "chaos_messages": "100000000", "chaos_rate": "500", "chaos_work": "50"]
            )
            for member in sinks { try member.start() }
            for member in sinks { try await member.logs("[sink] started") }
            try source.start()

            var generator = run.generator
            var faults: [Fault] = []
            for index in 0..<kills {
                try await run.pause(300...1500, &generator)
                let member = sinks[index % sinks.count]
                let time = Instant.now
                try await member.kill()
                try await member.startAndWork(in: crew.folder)
                // What the process had in hand is delivered again within moments; all of it is done some seconds later.
                faults.append(Fault(what: "SIGKILL", start: time, end: time + .seconds(10)))
            }
            try await source.stop()
            // What was in the hands of six processes in a row when they were killed is given up, whoever killed them.
            let dead = try await Canary.with(run) { canary in
                try await run.settle(within: Self.patience) { $0 == Self.dead }
                return try await canary.drain(Self.dead)
            }

            var verdict = Verdict()
            let history = History(try Ledger.all(in: crew.folder))
            verdict.note("kills", kills)
            verdict.judgeDelivery(history, faults: faults, duplicatesAtMost: kills * 2 * Self.workers, dead: Set(dead))
            verdict.expect("dead letters of what six processes died with", dead.count, atMost: kills / 5)
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }
}
