import ChaosLedger
import Enoki
import EnokiBroker
import EnokiInProcess
import EnokiTestSupport

/// Many instances of one service start at once, and are replaced again and again.
struct ManyRestarts: Goal {
    static let name = "many-restarts"
    static let summary = "10 instances at once, 100 restarts: declares agree, no queue is left behind, 0 lost"

    private static let instances = 10
    private static let workers = 4
    /// Queues that all instances share, besides those for retries.
    private static let shared = Array(Self.handled.values) + ["rpc-roster"]
    /// The queues of the handlers of which one instance handles each event.
    private static let handled = ["pooled": "evt-source-tick--roster.pooled", "singleton": "evt-source-tick"]

    private static let dead = ".dead"
    /// In which all is done after the last restart. What may not come back once more is worked on one by one.
    private static let patience = Duration.seconds(180)

    func run(_ run: Run) async throws -> Verdict {
        // Of each instance.
        let restarts = run.sized(10, 100)
        return try await run.withCrew(heartbeat: 10) { crew in
            let rosters = try (1...Self.instances).map {
                try crew.hire("roster-\($0)", services: ["roster"], workers: Self.workers)
            }
            for member in rosters { try member.start() }
            for member in rosters { try await member.logs("[roster] started") }
            let source = try crew.hire(
                "source",
                services: ["source"],
                ["chaos_producer": "1", "chaos_messages": "100000000", "chaos_rate": "50", "chaos_window": "32"]
            )
            try source.start()
            let watch = LedgerWatch(folder: crew.folder)
            try await watch.wait(for: .done, 100, within: .seconds(60))

            let start = Instant.now
            let kills = Locked(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, member) in rosters.enumerated() {
                    group.addTask {
                        var generator = SeededGenerator(seed: run.seed &+ UInt64(index))
                        for _ in 0..<restarts {
                            try await run.pause(100...1000, &generator)
                            if generator.index(below: 2) == 0 {
                                try await member.kill()
                                kills.withLock { $0 += 1 }
                            } else {
                                try await member.stop()
                            }
                            try await member.startAndWork(in: crew.folder)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let end = Instant.now
            run.say("\(restarts * Self.instances) restarts in \((end - start).inMilliseconds)")
            let complaint = await self.complaint(run, watch)
            try await source.stop()
            // What was in the hands of six processes in a row when they were killed is given up, whoever killed them.
            try await run.settle(within: Self.patience) { $0.hasSuffix(Self.dead) }
            let letters = try await Canary.with(run) { canary in
                var letters: [String: Set<MessageID>] = [:]
                for (role, queue) in Self.handled { letters[role] = Set(try await canary.drain(queue + Self.dead)) }
                return letters
            }
            let givenUp = letters.values.reduce(0) { $0 + $1.count }

            var verdict = Verdict()
            verdict.note("SIGKILL", kills.withLock { $0 })
            verdict.note("SIGTERM", restarts * Self.instances - kills.withLock { $0 })
            if let complaint { verdict.violation("zombies: \(complaint)") }
            try await self.judgeQueues(run, &verdict)
            let ledgers = try Ledger.all(in: crew.folder)
            for role in Self.handled.keys.sorted() {
                verdict.judgeDelivery(
                    History(ledgers.done(as: role).named("source", "driver", "roster")),
                    faults: [Fault(what: "restarts", start: start, end: end + .seconds(10))],
                    duplicatesAtMost: kills.withLock { $0 } * 2 * Self.workers,
                    dead: letters[role] ?? []
                )
            }
            verdict.expect("dead letters of what six processes died with", givenUp, atMost: kills.withLock { $0 } / 5)
            let lines = try crew.all.flatMap { member in
                try member.logged().filter(\.isError).map { "\(member.name): \($0.text)" }
            }
            verdict.expectNone("other lines of level error", lines.filter { !$0.contains("reason=crash") })
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }

    /// What is not as it should be.
    private func complaint(_ run: Run, _ watch: LedgerWatch) async -> String? {
        do {
            try await Canary.with(run) { canary in
                // A broadcast gets what comes while it is there, so one event too early proves nothing.
                try await eventually("an event is handled by all", within: .seconds(15)) {
                    _ = try await canary.answers(watch, times: 2 + Self.instances, within: .seconds(2))
                    return true
                }
                try await eventually("a call is answered", within: .seconds(15)) {
                    let word: String = try await canary.host.rpc("roster", timeout: .seconds(5)).relay(word: "alive")
                    return word == "alive"
                }
                for queue in Self.shared {
                    try await eventually("\(queue) has the consumers of all", within: .seconds(15)) {
                        try await canary.broker.inspect(queue: queue).consumerCount == Self.instances
                    }
                }
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// A queue that an instance has for itself must end after it. What waits for that, such as a queue for replies, is made to end
    /// sooner by a policy, which can only shorten the time that a queue has.
    private func judgeQueues(_ run: Run, _ verdict: inout Verdict) async throws {
        let queues = try await self.queues(run)
        verdict.note("queues after the restarts", queues.count)
        verdict.judgeQueues(queues, shared: Self.shared)
        try await run.host.expire(queues: #"^(rpc\.reply-|evt-.*broadcast)"#, after: .seconds(3))
        let living = Self.shared.count + 2 * Self.instances
        do {
            try await eventually("the queues of the living are left", equals: living, within: .seconds(30)) {
                try await self.queues(run).count
            }
        } catch {
            verdict.violation("queues left behind: \(error)")
        }
    }

    /// All queues but those for failures, which are everybody's and stay.
    private func queues(_ run: Run) async throws -> [ObservedQueue] {
        try await run.host.queues().filter { !$0.name.hasPrefix("enoki.") && !$0.name.hasSuffix(Self.dead) }
    }
}
