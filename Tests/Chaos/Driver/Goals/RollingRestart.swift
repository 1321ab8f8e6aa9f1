import ChaosLedger
import EnokiTestSupport

/// G4: instances are stopped and replaced under load.
struct RollingRestart: Goal {
    static let name = "rolling-restart"
    static let summary = "G4: SIGTERM under load: 0 lost, 0 handled twice, 0 begun and not done, exit 0 in time"

    private static let longestWork = Duration.milliseconds(500)

    func run(_ run: Run) async throws -> Verdict {
        let count = run.sized(5, 100)
        // What all workers can do: 3 * 64 at a quarter of a second each is 768 a second.
        let rate = 600
        return try await run.withCrew(heartbeat: 10) { crew in
            let sinks = try (1...3).map { try crew.hire("sink-\($0)", services: ["sink"], workers: 64) }
            let source = try crew.hire(
                "source",
                services: ["source"],
                ["chaos_producer": "1", "chaos_messages": "100000000", "chaos_rate": "\(rate)", "chaos_work": "500"]
            )
            for member in sinks { try member.start() }
            for member in sinks { try await member.logs("[sink] started") }
            try source.start()
            let watch = LedgerWatch(folder: crew.folder)
            try await watch.wait(for: .done, 100, within: .seconds(60))

            var generator = run.generator
            var stops: [Stop] = []
            for index in 0..<count {
                try await run.pause(500...2500, &generator)
                let member = sinks[index % sinks.count]
                let time = Instant.now
                if let process = try await member.stop(), let end = process.end {
                    let status: Int32? = if case .status(let status) = end.reason { status } else { nil }
                    stops.append(Stop(process: process.id, asked: time, ended: end.time, status: status))
                }
                try await member.startAndWork(in: crew.folder)
            }
            try await source.stop()
            try await run.settle()
            return try self.judge(stops, crew)
        }
    }

    private func judge(_ stops: [Stop], _ crew: Crew) throws -> Verdict {
        var verdict = Verdict()
        let history = History(try Ledger.all(in: crew.folder), publishDeadline: .milliseconds(5500))
        verdict.judgeDelivery(history, faults: [], duplicatesAtMost: 0)
        // A second more than the longest handler takes, and one for a machine that does other things as well.
        verdict.judgeStops(stops, history, within: Self.longestWork + .seconds(1))
        verdict.expectNone("crashes", crew.crashes)
        return verdict
    }
}
