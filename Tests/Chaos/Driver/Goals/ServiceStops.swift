import ChaosLedger
import EnokiTestSupport
import Foundation

/// A service stands still for longer than the broker waits for it, as on a machine that sleeps or is moved, and goes on.
struct ServiceStops: Goal {
    static let name = "service-stops"
    static let summary =
        "SIGSTOP of a consumer and a publisher beyond their heartbeat: they come back, 0 lost, twice within the bound"

    private static let window = 64
    private static let workers = 16

    func run(_ run: Run) async throws -> Verdict {
        let rounds = run.sized(1, 10)
        return try await run.withCrew(heartbeat: 3) { crew in
            let sources = try await crew.startStream(
                workers: Self.workers,
                sources: [
                    "chaos_messages": "100000000", "chaos_rate": "200", "chaos_window": "\(Self.window)",
                    "chaos_work": "20",
                ]
            )
            let watch = LedgerWatch(folder: crew.folder)
            let stopped = crew.all.filter { $0.name.hasSuffix("-1") }
            var generator = run.generator
            var faults: [Fault] = []
            var zombies: [String] = []
            for round in 1...rounds {
                try await watch.wait(for: .done, round * 1000, within: .seconds(60))
                try await run.pause(0...1000, &generator)
                let logged = try stopped.map { try $0.logged().count }
                let start = Instant.now
                for member in stopped { member.process?.send(SIGSTOP) }
                // RabbitMQ gives a silent client up after two heartbeats, and looks every half of one.
                try await ContinuousClock().sleep(for: .seconds(10))
                for member in stopped { member.process?.send(SIGCONT) }
                for (member, count) in zip(stopped, logged) {
                    try await eventually("\(member.name) says that it lost its connections", within: .seconds(15)) {
                        try member.logged().dropFirst(count).contains { $0.text.contains("lost the connection") }
                    }
                }
                faults.append(Fault(what: "SIGSTOP", start: start, end: .now + .seconds(15)))
                zombies += try await crew.zombies(among: sources, consumers: 2, within: .seconds(25))
            }
            for member in sources { try await member.stop() }
            try await run.settle()
            return try self.judge(crew, faults, stopped, zombies)
        }
    }

    private func judge(_ crew: Crew, _ faults: [Fault], _ stopped: [Crew.Member], _ zombies: [String]) throws -> Verdict
    {
        var verdict = Verdict()
        let ledgers = try Ledger.all(in: crew.folder)
        // A publish of the process that stands still takes as long as that.
        let history = History(ledgers, publishDeadline: .seconds(60))
        verdict.note("times", faults.count)
        verdict.expectNone("zombies", zombies)
        verdict.judgeDelivery(
            history,
            faults: faults,
            duplicatesAtMost: faults.count * (Self.window + 2 * Self.workers)
        )
        let processes = stopped.compactMap { $0.process?.id }
        let theirs = History(ledgers.filter { processes.contains($0.process) }, publishDeadline: .seconds(60))
        for fault in faults { verdict.judgeReturn(theirs, after: fault.start + .seconds(10), within: .seconds(15)) }
        verdict.expectNone("crashes", crew.crashes)
        return verdict
    }
}
