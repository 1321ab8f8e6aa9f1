import ChaosLedger
import EnokiInProcess
import EnokiTestSupport

/// The broker takes no messages for longer than a publish waits, while there is much to be published: replies, retries and
/// dead letters.
struct LongAlarm: Goal {
    static let name = "long-alarm"
    static let summary = "a long memory alarm: replies, retries and dead letters wait, nothing is done twice or lost"

    private static let poison = 9
    private static let failing = "evt-source-tick--fickle.on_tick"

    func run(_ run: Run) async throws -> Verdict {
        let length = run.sized(Duration.seconds(35), .seconds(300))
        let seconds = Int(length.components.seconds)
        return try await run.withCrew(heartbeat: 5) { crew in
            let sink = try crew.hire("sink", services: ["sink"], workers: 2)
            let fickles = try (1...2).map { try crew.hire("fickle-\($0)", services: ["fickle"], workers: 16) }
            let callees = try (1...2).map {
                try crew.hire("callee-\($0)", services: ["callee"], workers: 4, ["chaos_work": "100"])
            }
            func source(_ producer: Int, _ messages: Int, rate: Int, retries: Bool = true) throws -> Crew.Member {
                try crew.hire(
                    "source-\(producer)",
                    services: ["source"],
                    [
                        "chaos_producer": "\(producer)", "chaos_messages": "\(messages)", "chaos_rate": "\(rate)",
                        "chaos_window": "64", "chaos_work": "20", "chaos_retry": "\(retries)",
                    ]
                )
            }
            // Two workers at 10 ms each handle at most 200 a second: a backlog that lasts through the alarm.
            let backlog = try source(1, seconds * 220, rate: 0)
            let steady = try source(2, 100_000_000, rate: 50)
            // Each once: what a publisher says twice would be two events with three attempts each.
            let poisoner = try source(Self.poison, 400, rate: 20, retries: false)
            let caller = try crew.hire(
                "caller",
                services: ["caller"],
                [
                    "chaos_producer": "5", "chaos_messages": "100000000", "chaos_window": "64", "chaos_rate": "100",
                    "chaos_timeout": "\((seconds + 60) * 1000)",
                ]
            )
            for member in [sink] + fickles + callees { try member.start() }
            try await sink.logs("[sink] started")
            for member in fickles { try await member.logs("[fickle] started") }
            for member in callees { try await member.logs("[callee] started") }
            let watch = LedgerWatch(folder: crew.folder)
            try backlog.start()
            try await watch.wait(for: .finished, 1, within: .seconds(120))
            for member in [steady, caller] { try member.start() }
            try await watch.wait(for: .answered, 20, within: .seconds(60))
            try poisoner.start()
            // In the middle of the failing ones, so that some are between two attempts.
            var failures = 0
            var generator = run.generator
            let many = 20 + generator.index(below: 30)
            try await eventually("\(many) events have failed", within: .seconds(60)) {
                let begun = try watch.poll().filter { $0.act == .started && $0.message.producer == Self.poison }
                failures += begun.count { $0.detail == "1" }
                return failures >= many
            }

            let before = crew.all.map { $0.process?.residentMemory ?? 0 }
            let asked = Instant.now
            try await run.node.control("set_vm_memory_high_watermark", "0")
            let start = Instant.now
            var most = before
            while Instant.now - start < length {
                try await ContinuousClock().sleep(for: .milliseconds(200))
                for (index, member) in crew.all.enumerated() {
                    most[index] = max(most[index], member.process?.residentMemory ?? 0)
                }
            }
            let cleared = Instant.now
            try await run.node.control("set_vm_memory_high_watermark", "0.4")
            let taken = Instant.now
            let answered = watch.counts[.answered] ?? 0
            try await watch.wait(for: .answered, answered + 200, within: .seconds(60))
            try await watch.wait(for: .finished, 2, within: .seconds(120))
            for member in [steady, caller] { try await member.stop() }
            try await run.settle(within: .seconds(120)) {
                // Nobody takes the replies to a caller that has stopped.
                $0 == Self.failing + ".dead" || $0.hasPrefix("rpc.reply-")
            }
            let dead = try await Canary.with(run) { try await $0.drain(Self.failing + ".dead") }

            var verdict = Verdict()
            let ledgers = try Ledger.all(in: crew.folder)
            // What was on its way when the alarm came has an unknown outcome at its deadline, and is sent again.
            let alarm = Fault(what: "alarm", start: asked, end: taken + .seconds(6))
            self.judgeEvents(ledgers, alarm, before: start, cleared: cleared, &verdict)
            verdict.judgeConservation(ledgers.named("source", "fickle"), producer: Self.poison, dead: dead)
            verdict.judgeAttempts(
                ledgers.named("source", "fickle"),
                producer: Self.poison,
                attempts: 3,
                delay: .seconds(1),
                dead: dead,
                // Of some that were on their way when the alarm came nobody knows whether they arrived.
                planned: Set(dead).count
            )
            // The alarm is there at some time between the command and its end: no retry is written any more soon after the former,
            // and what is called before the latter waits.
            let silence = Fault(what: "alarm", start: asked, end: taken)
            let deafness = Fault(what: "alarm", start: start, end: taken)
            verdict.judgeAttemptsThatWaited(
                ledgers.named("fickle"),
                producer: Self.poison,
                through: silence,
                // Their delay of one second, which begins when the copy is taken, and what a busy machine takes.
                within: .seconds(10)
            )
            verdict.judgeCalls(
                ledgers,
                planned: ledgers.flatMap(\.entries).count { $0.act == .called },
                timeout: .seconds(seconds + 60),
                tolerance: .seconds(1),
                // Those that were under way when the caller was stopped, at the end.
                allowed: ["CancellationError"]
            )
            verdict.judgeRuns(ledgers.named("caller", "callee"))
            verdict.judgeCallsThatWaited(ledgers, through: deafness, within: .seconds(10))
            let growth = zip(before, most).map { ($1 - $0) / 1_048_576 }
            verdict.expect("megabytes that a process grew by", growth.max() ?? 0, atMost: 16)
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }

    /// The events of the sink: none lost, handled all the time, and confirmed again at once.
    private func judgeEvents(
        _ ledgers: [Ledger],
        _ alarm: Fault,
        before start: Instant,
        cleared: Instant,
        _ verdict: inout Verdict
    ) {
        let history = History(ledgers.named("source", "sink"))
        verdict.judgeDeadlines(history)
        verdict.judgeDelivery(history, faults: [alarm], duplicatesAtMost: 3 * 64)
        // On a slow machine the backlog may have been small: with nothing to do nobody goes on.
        let backlog = history.messages.values.filter { $0.confirmed.contains { $0 < start } }
        let end = min(backlog.compactMap { $0.done.map(\.time).min() }.max() ?? start, cleared)
        if end - start < (cleared - start) / 2 { verdict.violation("the backlog was too small: the run proves little") }
        let done = history.messages.values.flatMap { $0.done.map(\.time) }.filter { $0 > start && $0 < end }.sorted()
        let pauses = zip([start] + done, done + [end]).map { $1 - $0 }
        verdict.note("handled in the alarm", done.count)
        verdict.expect("longest pause of the handlers in the alarm", pauses.max() ?? .zero, atMost: .seconds(8))
        let confirms = history.messages.values.flatMap(\.confirmed)
        verdict.expect(
            "confirmed in the alarm, after its first three seconds",
            confirms.count { $0 > start + .seconds(3) && $0 < cleared },
            atMost: 0
        )
        verdict.judgeReturn(history, after: cleared, within: .seconds(10))
    }
}
