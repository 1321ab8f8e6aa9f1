import ChaosLedger
import EnokiInProcess
import EnokiTestSupport

/// G2: connections are cut everywhere.
struct Cuts: Goal {
    static let name = "cuts"
    static let summary = "G2: connections cut at random bytes and after every method: 0 lost, 0 zombies, 0 crashes"

    private static let window = 64
    private static let workers = 8
    /// A connection is cut once in a while: the more there are, the sooner it is done.
    private static let pairs = 8
    /// In seconds: so long that a machine on which all stands still for a moment loses no connection that nobody has cut.
    private static let heartbeat = 3
    /// How long a process may take to come back from any cut: a blackhole is seen after two to three heartbeats.
    private static let patience = Duration.seconds(30)

    func run(_ run: Run) async throws -> Verdict {
        let cuts = run.sized(200, 2000)
        return try await run.withCrew(heartbeat: Self.heartbeat) { crew in
            let sources = try await crew.startStream(
                pairs: Self.pairs,
                workers: Self.workers,
                sources: [
                    "chaos_messages": "100000000", "chaos_rate": "50", "chaos_window": "\(Self.window)",
                    "chaos_work": "20",
                ]
            )
            for member in crew.all { await member.heals(within: Self.patience) }

            let before = crew.all.map { $0.process?.footprint }
            let start = Instant.now
            try await Cutter.cut(crew.all, seed: run.seed) { crew.cuts < cuts }
            for member in crew.all { await member.heals(within: Self.patience) }
            let healed = Instant.now
            let after = crew.all.map { $0.process?.footprint }
            run.say("\(crew.cuts) cuts in \((healed - start).inMilliseconds)")
            let fault = Fault(what: "cuts", start: start, end: healed)
            var verdict = try await self.judge(crew, sources, run, fault)
            // What a connection would leave behind, a dozen of them would leave a dozen times.
            verdict.judgeGrowth(from: before, to: after, descriptorsAtMost: 4, threadsAtMost: 4)
            return verdict
        }
    }

    private func judge(_ crew: Crew, _ sources: [Crew.Member], _ run: Run, _ fault: Fault) async throws -> Verdict {
        var verdict = Verdict()
        let watch = LedgerWatch(folder: crew.folder)
        var zombies: [String] = []
        do {
            let answer = try await Canary.with(run) { try await $0.answers(watch, within: .seconds(15)) }
            verdict.note("canary answered after", answer.inMilliseconds)
        } catch {
            zombies.append("\(error)")
        }
        zombies += try await crew.zombies(among: sources, consumers: Self.pairs, within: .seconds(15))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for source in sources { group.addTask { _ = try await source.stop() } }
            try await group.waitForAll()
        }
        try await run.settle()

        let history = History(try Ledger.all(in: crew.folder))
        let recoveries = crew.all.flatMap { $0.proxy.records.recoveries }
        let cuts = crew.cuts
        verdict.note("cuts", cuts)
        verdict.expectNone("zombies", zombies)
        verdict.judgeDeadlines(history)
        verdict.judgeDelivery(
            history,
            faults: [Fault(what: fault.what, start: fault.start, end: fault.end + .seconds(15))],
            duplicatesAtMost: cuts * (Self.window + 2 * Self.workers)
        )
        for action in Cut.Action.allCases {
            let times = recoveries.filter { $0.cut.action == action }
            verdict.note("connected again after \(action)", Statistics(times.map(\.reconnected)))
            verdict.note("at work again after \(action)", Statistics(times.map(\.ready)))
        }
        for action in [Cut.Action.reset, .finish] {
            let times = Statistics(recoveries.filter { $0.cut.action == action }.map(\.ready))
            verdict.expect("half of them at work again after \(action)", times.quantile(0.5), atMost: .seconds(1))
            // And what a busy machine takes.
            verdict.expect("19 of 20 at work again after \(action)", times.quantile(0.95), atMost: .seconds(4))
        }
        verdict.expectNone("crashes", crew.crashes)
        return verdict
    }
}
