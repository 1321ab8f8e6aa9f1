import ChaosLedger
import EnokiInProcess
import EnokiTestSupport

/// G7: events for a long time, through connections that are lost now and then.
struct Soak: Goal {
    static let name = "soak"
    static let summary =
        "G7: events and reconnects for a time: memory, descriptors, threads and latency stay as they are"

    private static let window = 64
    private static let workers = 16
    /// How long; `nil` is what the size says.
    var length: Duration?
    /// What the consumers do wrong on purpose; see ``Sink`` of the worker program.
    var sabotage: String?

    init() {}

    func run(_ run: Run) async throws -> Verdict {
        let (length, rate) = run.sized((Duration.seconds(40), 500), (.seconds(300), 1500))
        return try await run.withCrew(heartbeat: 2) { crew in
            let sources = try await crew.startStream(
                workers: Self.workers,
                sinks: self.sabotage.map { ["chaos_sabotage": $0] } ?? [:],
                sources: [
                    "chaos_messages": "100000000", "chaos_rate": "\(rate)", "chaos_window": "\(Self.window)",
                ]
            )
            let start = Instant.now
            let end = start + (self.length ?? length)
            // Whoever watches is another task than whoever cuts, and neither waits for the other.
            async let cuts: Void = self.cut(crew, until: end, run.generator)
            let trails = try await self.watch(crew, until: end)
            try await cuts
            for source in sources { try await source.stop() }
            try await run.settle()
            return try self.judge(trails, crew, from: start, to: end)
        }
    }

    /// Resets the connections of one process after the other, each once they have held.
    private func cut(_ crew: Crew, until end: Instant, _ seeded: SeededGenerator) async throws {
        var generator = seeded
        while Instant.now + .seconds(7) < end {
            for member in crew.all.shuffled(using: &generator) where Instant.now + .seconds(7) < end {
                try await member.holds()
                member.proxy.strike(.reset)
            }
        }
    }

    /// What each process holds, once a second.
    private func watch(_ crew: Crew, until end: Instant) async throws -> [Trail] {
        var trails = crew.all.map { Trail($0.name) }
        while Instant.now < end {
            for (index, member) in crew.all.enumerated() {
                if let footprint = member.process?.footprint { trails[index].note(footprint, at: .now) }
            }
            try await ContinuousClock().sleep(for: .seconds(1))
        }
        return trails
    }

    private func judge(_ trails: [Trail], _ crew: Crew, from start: Instant, to end: Instant) throws -> Verdict {
        var verdict = Verdict()
        let history = History(try Ledger.all(in: crew.folder))
        verdict.note("reconnects", crew.cuts)
        // Of two processes of a kind each has half, and a fifth of that before it is watched. The arenas of malloc fill slowly.
        verdict.judgeTrails(trails, messages: history.messages.count * 2 / 5, kilobytesAtMost: 3072)
        verdict.judgeDrift(history, from: start, to: end)
        verdict.judgeDeadlines(history)
        verdict.judgeDelivery(
            history,
            faults: [Fault(what: "resets", start: start, end: end + .seconds(10))],
            duplicatesAtMost: crew.cuts * (Self.window + 2 * Self.workers)
        )
        verdict.expectNone("crashes", crew.crashes)
        return verdict
    }
}
