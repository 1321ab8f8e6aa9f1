import ChaosLedger
import EnokiTestSupport

/// G11: the broker runs out of memory, as it believes, and takes no messages for a while.
struct Alarm: Goal {
    static let name = "alarm"
    static let summary =
        "G11: a memory alarm: consumers go on, publishes end in time, memory is bounded, then all goes on"

    func run(_ run: Run) async throws -> Verdict {
        let length = run.sized(Duration.seconds(12), .seconds(60))
        return try await run.withCrew(heartbeat: 5) { crew in
            let sink = try crew.hire("sink", services: ["sink"], workers: 2)
            let source = try crew.hire(
                "source",
                services: ["source"],
                // Two workers at 10 ms each handle 200 a second: the rest is a backlog for the alarm. It does not wait for what
                // is not confirmed: all that it publishes in the alarm is in its memory until its deadline.
                [
                    "chaos_producer": "1", "chaos_messages": "100000000", "chaos_rate": "500", "chaos_work": "20",
                    "chaos_window": "1000",
                ]
            )
            try sink.start()
            try await sink.logs("[sink] started")
            let process = try source.start()
            let watch = LedgerWatch(folder: crew.folder)
            try await watch.wait(for: .confirmed, Int(length.components.seconds) * 300, within: .seconds(300))
            let before = process.residentMemory ?? 0

            try await run.node.control("set_vm_memory_high_watermark", "0")
            let start = Instant.now
            var most = before
            while Instant.now - start < length {
                try await ContinuousClock().sleep(for: .milliseconds(200))
                most = max(most, process.residentMemory ?? 0)
            }
            let cleared = Instant.now
            try await run.node.control("set_vm_memory_high_watermark", "0.4")
            let taken = Instant.now
            try watch.poll()
            let confirmed = watch.counts[.confirmed] ?? 0
            try await watch.wait(for: .confirmed, confirmed + 500, within: .seconds(60))
            try await source.stop()
            try await run.settle(within: .seconds(300))

            var verdict = Verdict()
            let history = History(try Ledger.all(in: crew.folder))
            verdict.judgeDeadlines(history)
            // What was on its way when the alarm came has an unknown outcome at its deadline, and is sent again.
            let fault = Fault(what: "alarm", start: start, end: taken + .seconds(6))
            // At most so many are unconfirmed at once.
            verdict.judgeDelivery(history, faults: [fault], duplicatesAtMost: 1_000)
            let done = history.messages.values.flatMap { $0.done.map(\.time) }
            let seconds = Int(length.components.seconds)
            let rate = done.count { $0 > start && $0 < cleared } / seconds
            let former = done.count { $0 > start + .seconds(-seconds) && $0 < start } / seconds
            verdict.note("handled a second before the alarm", former)
            verdict.note("handled a second in the alarm", rate)
            // Half of what two workers can do, or of what the machine let them do before.
            if rate < min(100, former / 2) {
                verdict.violation("consumers handled only \(rate) events a second in the alarm, \(former) before")
            }
            let confirms = history.messages.values.flatMap(\.confirmed)
            verdict.expect(
                "confirmed in the alarm, after its first three seconds",
                confirms.count { $0 > start + .seconds(3) && $0 < cleared },
                atMost: 0
            )
            let first = confirms.filter { $0 > cleared }.min()
            verdict.expect(
                "confirmed again after the alarm",
                max((first ?? taken + .seconds(60)) - taken, .zero),
                atMost: .seconds(10)
            )
            verdict.expect("megabytes that the publisher grew by", (most - before) / 1_048_576, atMost: 16)
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }
}
