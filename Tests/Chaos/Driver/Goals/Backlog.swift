import ChaosLedger
import EnokiTestSupport

/// A queue in which very many messages wait, and a consumer that takes long for them.
struct Backlog: Goal {
    static let name = "backlog"
    static let summary = "a backlog: the consumer's memory is bounded, its rate constant, publishers do not notice"

    private static let steady = 3
    private static let queue = "evt-source-tick--sink.on_tick"

    func run(_ run: Run) async throws -> Verdict {
        // How many wait, and how many of them are handled.
        let (count, handled) = run.sized((100_000, 30_000), (1_000_000, 950_000))
        return try await run.withCrew(heartbeat: 10) { crew in
            func source(_ producer: Int, _ messages: Int, rate: Int, work: Int) throws -> Crew.Member {
                try crew.hire(
                    "source-\(producer)",
                    services: ["source"],
                    [
                        "chaos_producer": "\(producer)", "chaos_messages": "\(messages)", "chaos_rate": "\(rate)",
                        "chaos_work": "\(work)",
                    ]
                )
            }
            let sink = try crew.hire("sink", services: ["sink"], workers: 8)
            try sink.start()
            try await sink.logs("[sink] started")
            let watch = LedgerWatch(folder: crew.folder)
            let steady = try source(Self.steady, 100_000_000, rate: 100, work: 0)
            try steady.start()
            try await watch.wait(for: .done, 500, within: .seconds(60))
            let idle = sink.process?.residentMemory
            try await sink.stop()

            let filled = Instant.now
            let fillers = try (1...2).map { try source($0, count / 2, rate: 0, work: 2) }
            for member in fillers { try member.start() }
            try await watch.wait(for: .finished, 2, within: .seconds(1200))
            for member in fillers { try await member.stop() }
            let process = try sink.start()
            let drains = Instant.now
            let former = watch.counts[.done] ?? 0
            var memory: [Int] = []
            while (watch.counts[.done] ?? 0) - former < handled {
                try await ContinuousClock().sleep(for: .milliseconds(200))
                try watch.poll()
                if let resident = process.residentMemory { memory.append(resident) }
                if Instant.now - drains > .seconds(1800) { throw Unanswered(description: "the backlog is not drained") }
            }
            let drained = Instant.now
            try await steady.stop()
            try await sink.stop()
            let left = try await eventually("the sink has given back what it had") {
                try await run.host.queue(Self.queue)
            } until: {
                $0?.messagesUnacknowledged == 0
            }
            try await run.host.delete(queue: Self.queue)

            var verdict = Verdict()
            let ledgers = try Ledger.all(in: crew.folder)
            let history = History(ledgers)
            verdict.judgeDeadlines(history)
            verdict.judgeRemainder(history, left: left?.messagesReady ?? 0)
            verdict.judgeMemory(memory, idle: idle, growthAtMost: 16)
            let done = history.messages.values.flatMap { $0.done.map(\.time) }
            verdict.judgeRate(of: done, from: drains, to: drained)
            verdict.judgeConfirms(ledgers, producer: Self.steady, before: filled, after: drains)
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }
}
