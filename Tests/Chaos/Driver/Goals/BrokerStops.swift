import ChaosLedger
import EnokiTestSupport
import Foundation

/// The broker hangs: its process stands still, while its machine still takes what is sent to it.
struct BrokerStops: Goal {
    static let name = "broker-stops"
    static let summary = "SIGSTOP of the broker: publishes end in time; after SIGCONT 0 lost, twice within the bound"

    private static let window = 64
    private static let workers = 16

    func run(_ run: Run) async throws -> Verdict {
        let length = run.sized(Duration.seconds(20), .seconds(60))
        return try await run.withCrew(heartbeat: 5) { crew in
            let sources = try await crew.startStream(
                workers: Self.workers,
                sources: [
                    "chaos_messages": "100000000", "chaos_rate": "250", "chaos_window": "\(Self.window)",
                    "chaos_work": "20",
                ]
            )
            let watch = LedgerWatch(folder: crew.folder)
            try await watch.wait(for: .done, 1000, within: .seconds(60))
            var generator = run.generator
            try await run.pause(0...1000, &generator)

            let stopped = Instant.now
            try run.node.send(signal: SIGSTOP)
            try await ContinuousClock().sleep(for: length)
            try run.node.send(signal: SIGCONT)
            let goesOn = Instant.now
            // A login that hangs takes ten seconds, and the longest backoff is as long.
            let zombies = try await crew.zombies(among: sources, consumers: 2, within: .seconds(25))
            for member in sources { try await member.stop() }
            try await run.settle()

            var verdict = Verdict()
            let history = History(try Ledger.all(in: crew.folder))
            verdict.expectNone("zombies", zombies)
            verdict.judgeDeadlines(history)
            for (code, count) in history.failures.sorted(by: { $0.key < $1.key }) {
                verdict.note("publish attempts failed with \(code)", count)
            }
            if history.failures.isEmpty {
                verdict.violation("no publish ran into its deadline: the run proves nothing")
            }
            verdict.judgeDelivery(
                history,
                faults: [Fault(what: "SIGSTOP", start: stopped, end: goesOn + .seconds(25))],
                duplicatesAtMost: 2 * (Self.window + 2 * Self.workers)
            )
            verdict.judgeReturn(history, after: goesOn, within: .seconds(20))
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }
}
