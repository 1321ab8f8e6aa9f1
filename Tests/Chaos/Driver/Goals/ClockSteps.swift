import ChaosLedger
import EnokiBroker
import EnokiTestSupport

/// The wall clock is set forward and back by an hour while services run.
struct ClockSteps: Goal {
    static let name = "clock-steps"
    static let summary = "the wall clock is moved by an hour: no timeout, heartbeat, retry or timer notices"

    private static let poison = 9
    private static let failing = "evt-source-tick--fickle.on_tick"
    /// In seconds, from the right time.
    private static let offsets = [3600, -3600, 0]
    /// In seconds. A process may stand still for that long without losing a connection, and to a clock that is wrong by an hour it is over
    /// at once.
    private static let heartbeat = 5
    /// Who sends heartbeats by the wall clock sends none after a step back: RabbitMQ ends the connection within three of them.
    private static let silence = Duration.seconds(3 * heartbeat + 1)

    func run(_ run: Run) async throws -> Verdict {
        let (pause, rounds) = run.sized((Duration.seconds(6), 1), (.seconds(30), 10))
        let clock = try await WallClock(folder: run.folder)
        return try await run.withCrew(heartbeat: Self.heartbeat) { crew in
            func hire(
                _ service: String,
                _ settings: [String: String] = [:],
                as name: String? = nil
            ) throws -> Crew.Member {
                try crew.hire(
                    name ?? service,
                    services: [service],
                    workers: 8,
                    settings,
                    environment: clock.environment
                )
            }
            let plan = ["chaos_messages": "100000000", "chaos_window": "16"]
            let sink = try hire("sink")
            let fickle = try hire("fickle")
            let callee = try hire("callee")
            let metronome = try hire("metronome")
            let source = try hire(
                "source",
                plan.merging(["chaos_producer": "1", "chaos_rate": "100", "chaos_work": "20"]) { $1 }
            )
            let poisoner = try hire(
                "source",
                plan.merging(["chaos_producer": "\(Self.poison)", "chaos_rate": "20"]) { $1 },
                as: "poisoner"
            )
            let caller = try hire(
                "caller",
                plan.merging(["chaos_producer": "5", "chaos_rate": "100", "chaos_timeout": "30000"]) { $1 }
            )
            let handlers = [sink, fickle, callee, metronome]
            for member in handlers { try member.start() }
            for member in handlers { try await member.logs("[\(member.name)] started") }
            for member in [source, poisoner, caller] { try member.start() }
            let watch = LedgerWatch(folder: crew.folder)
            try await watch.wait(for: .answered, 100, within: .seconds(60))
            try await watch.wait(for: .confirmed, 300, within: .seconds(60))

            var generator = run.generator
            for _ in 0..<rounds {
                for offset in Self.offsets {
                    try clock.set(offset)
                    try await ContinuousClock().sleep(for: offset < 0 ? max(pause, Self.silence) : pause)
                    try await run.pause(0...500, &generator)
                }
            }
            let connections = crew.all.filter { $0.proxy.records.count != 2 }
                .map { "\($0.name) (\($0.proxy.records.count))" }
            // What is under way when they are stopped ends with them.
            let stopped = Instant.now
            for member in [poisoner, source, caller] { try await member.stop() }
            let dead = try await Canary.with(run) { canary in
                // Nobody takes the replies to a caller that has stopped.
                try await run.settle { $0 == Self.failing + ".dead" || $0.hasPrefix("rpc.reply-") }
                return try await canary.drain(Self.failing + ".dead")
            }
            try await metronome.stop()
            let ledgers = try Ledger.all(in: crew.folder)
            return self.judge(ledgers, crew, until: stopped, dead: dead, connections: connections, rounds: rounds)
        }
    }

    private func judge(
        _ ledgers: [Ledger],
        _ crew: Crew,
        until stopped: Instant,
        dead: [MessageID],
        connections: [String],
        rounds: Int
    ) -> Verdict {
        var verdict = Verdict()
        verdict.expectNone("processes with other connections than their first two", connections)
        let history = History(ledgers.named("source", "sink"))
        verdict.judgeDeadlines(history)
        verdict.judgeDelivery(history, faults: [], duplicatesAtMost: 0)
        let failures = ledgers.flatMap(\.entries).filter { [.failed, .refused].contains($0.act) && $0.time < stopped }
        verdict.expectNone("publishes and calls that failed", failures.map { "\($0.message) (\($0.detail))" })
        verdict.judgeConservation(ledgers.named("source", "fickle"), producer: Self.poison, dead: dead)
        verdict.judgeAttempts(
            ledgers.named("source", "fickle"),
            producer: Self.poison,
            attempts: 3,
            delay: .seconds(1),
            dead: dead,
            planned: Set(dead).count
        )
        let answered = ledgers.flatMap(\.entries).count { $0.act == .answered }
        verdict.note("calls answered", answered)
        if answered < 500 { verdict.violation("only \(answered) calls were answered: the run proves little") }
        verdict.judgeRuns(ledgers.named("caller", "callee"))
        let steps = (0..<rounds).flatMap { _ in [3600, -7200, 3600] }
        if let beats = ledgers.named("metronome").first {
            verdict.judgeBeats(beats, every: .milliseconds(250), steps: steps)
        } else {
            verdict.violation("the timer never beat")
        }
        verdict.expectNone("crashes", crew.crashes)
        return verdict
    }
}
