import ChaosLedger
import EnokiInProcess
import EnokiTestSupport

/// An operator closes all connections again and again.
struct OperatorCloses: Goal {
    static let name = "operator-closes"
    static let summary = "an operator closes all connections 50 times: 0 lost, and nobody comes back in step"

    private static let closings = 50
    private static let window = 64
    private static let workers = 8
    private static let pairs = 6

    func run(_ run: Run) async throws -> Verdict {
        // The longer ones let each connection hold, so that all are closed each time.
        let pauses = run.sized(200...800, 5_500...7_500)
        var generator = run.generator
        return try await run.withCrew(heartbeat: 5) { crew in
            let sources = try await crew.startStream(
                pairs: Self.pairs,
                workers: Self.workers,
                sources: [
                    "chaos_messages": "100000000", "chaos_rate": "50", "chaos_window": "\(Self.window)",
                    "chaos_work": "20",
                ]
            )
            for member in crew.all { await member.heals(within: .seconds(15)) }

            let start = Instant.now
            for _ in 0..<Self.closings / 10 {
                let times = (0..<10).map { _ in pauses.lowerBound + generator.index(below: pauses.count) }
                try await run.node.evaluate(Self.closing(after: times))
            }
            let end = Instant.now
            let zombies = try await crew.zombies(among: sources, consumers: Self.pairs, within: .seconds(15))
            let records = crew.all.flatMap(\.proxy.records)
            for member in sources { try await member.stop() }
            try await run.settle()

            var verdict = Verdict()
            let history = History(try Ledger.all(in: crew.folder))
            let closed = records.compactMap(\.ended).filter { $0 > start }
            verdict.note("connections closed", closed.count)
            let moments = Self.moments(of: closed)
            verdict.note("moments at which connections were closed", moments.count)
            if moments.count < Self.closings / 2 { verdict.violation("too few closings: the run proves little") }
            verdict.expectNone("zombies", zombies)
            verdict.judgeDeadlines(history)
            verdict.judgeDelivery(
                history,
                faults: [Fault(what: "closings", start: start, end: end + .seconds(15))],
                duplicatesAtMost: closed.count * (Self.window + 2 * Self.workers)
            )
            verdict.judgeSpread(of: records.map(\.accepted), after: moments, within: .milliseconds(20))
            // The longest backoff is ten seconds.
            verdict.judgeReturn(history, after: end, within: .seconds(20))
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }

    /// Closes all connections after each of these pauses, in milliseconds. One call: each starts an Erlang of its own.
    private static func closing(after pauses: [Int]) -> String {
        let close = "rabbit_networking:close_connections(rabbit_networking:connections(), \"chaos\")"
        return "[begin timer:sleep(Pause), catch \(close) end || Pause <- \(pauses)], ok."
    }

    /// When connections ended, taken as one where they follow each other closely.
    private static func moments(of ends: [Instant]) -> [Instant] {
        ends.sorted().reduce(into: []) { moments, end in
            if let last = moments.last, end - last < .milliseconds(100) { return }
            moments.append(end)
        }
    }
}
