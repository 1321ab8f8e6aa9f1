import ChaosLedger
import EnokiTestSupport

/// G4: instances are stopped and replaced under load.
struct RollingRestart: Goal {
    static let name = "rolling-restart"
    static let summary =
        "G4: SIGTERM under load: 0 lost, 0 handled twice, 0 begun and not done, all calls answered, exit 0 in time"

    private static let timeout = Duration.seconds(10)
    private static let longestWork = Duration.milliseconds(500)

    func run(_ run: Run) async throws -> Verdict {
        let count = run.sized(6, 100)
        // What all workers can do: 3 * 64 at a quarter of a second each is 768 a second.
        let rate = 500
        let calls = run.sized(1_500, 30_000)
        return try await run.withCrew(heartbeat: 10) { crew in
            let sinks = try (1...3).map { try crew.hire("sink-\($0)", services: ["sink"], workers: 64) }
            let source = try crew.hire(
                "source",
                services: ["source"],
                ["chaos_producer": "1", "chaos_messages": "100000000", "chaos_rate": "\(rate)", "chaos_work": "500"]
            )
            let callees = try (1...2).map {
                try crew.hire("callee-\($0)", services: ["callee"], workers: 32, ["chaos_work": "100"])
            }
            let caller = try crew.hire(
                "caller",
                services: ["caller"],
                [
                    "chaos_producer": "2", "chaos_messages": "\(calls)", "chaos_window": "32", "chaos_rate": "100",
                    "chaos_timeout": "\(Self.timeout.milliseconds)",
                ]
            )
            for member in sinks + callees { try member.start() }
            for member in sinks { try await member.logs("[sink] started") }
            for member in callees { try await member.logs("[callee] started") }
            try source.start()
            try caller.start()
            let watch = LedgerWatch(folder: crew.folder)
            try await watch.wait(for: .done, 100, within: .seconds(60))
            func isOver() throws -> Bool {
                try watch.poll()
                return watch.counts[.finished] != nil
            }

            var generator = run.generator
            var stops: [Stop] = []
            for index in 0..<count {
                try await run.pause(500...2500, &generator)
                let isCallee = !index.isMultiple(of: 2)
                let member = isCallee ? callees[index / 2 % callees.count] : sinks[index / 2 % sinks.count]
                let time = Instant.now
                if let process = try await member.stop(), let end = process.end {
                    let status: Int32? = if case .status(let status) = end.reason { status } else { nil }
                    stops.append(Stop(process: process.id, asked: time, ended: end.time, status: status))
                }
                // Nobody calls it any more once all calls are made.
                try await member.startAndWork(in: crew.folder, orUntil: { try isCallee && isOver() })
            }
            try await watch.wait(for: .finished, 1, within: .seconds(600))
            try await source.stop()
            try await run.settle()
            return try self.judge(stops, calls, crew)
        }
    }

    private func judge(_ stops: [Stop], _ calls: Int, _ crew: Crew) throws -> Verdict {
        var verdict = Verdict()
        let ledgers = try Ledger.all(in: crew.folder)
        let events = History(ledgers.named("source", "sink"))
        verdict.judgeDelivery(events, faults: [], duplicatesAtMost: 0)
        verdict.judgeCalls(
            ledgers.named("caller"),
            planned: calls,
            timeout: Self.timeout,
            tolerance: .seconds(1),
            allowed: []
        )
        let callees = Set(ledgers.named("callee").map(\.process))
        for (history, stops) in [
            (events, stops.filter { !callees.contains($0.process) }),
            (
                History(ledgers.named("callee"), publishDeadline: .zero), stops.filter { callees.contains($0.process) }
            ),
        ] {
            // A second more than the longest handler takes, and five for a machine that runs another goal as well.
            verdict.judgeStops(stops, history, within: Self.longestWork + .seconds(1) + .seconds(5))
        }
        verdict.expectNone("crashes", crew.crashes)
        return verdict
    }
}
