import ChaosLedger
import Enoki
import EnokiBroker
import EnokiTestSupport
import Foundation

/// G9: after any fault all that should live lives.
struct NoZombies: Goal {
    static let name = "no-zombies"
    static let summary = "G9: after each fault every consumer is there, and events and calls are answered"

    /// One fault: it returns when it is over.
    private struct Ailment: Sendable {
        let name: String
        let strike: @Sendable (Run, Crew) async throws -> Void
    }

    func run(_ run: Run) async throws -> Verdict {
        let rounds = run.sized(1, 20)
        return try await run.withCrew(heartbeat: 1) { crew in
            for number in 1...2 { try crew.hire("roster-\(number)", services: ["roster"], workers: 4).start() }
            for member in crew.all { try await member.logs("[roster] started") }
            var verdict = Verdict()
            var zombies: [String] = []
            var times: [Duration] = []
            let watch = LedgerWatch(folder: crew.folder)
            for _ in 0..<rounds {
                for ailment in Self.ailments {
                    try await ailment.strike(run, crew)
                    let start = Instant.now
                    if let complaint = await self.complaint(run, crew, watch) {
                        zombies.append("\(ailment.name): \(complaint)")
                    }
                    let took = Instant.now - start
                    times.append(took)
                    run.say("  \(ailment.name): all there after \(took.inMilliseconds)")
                }
            }
            verdict.note("faults", times.count)
            verdict.note("from the end of the fault until all is there", Statistics(times))
            verdict.expectNone("zombies", zombies)
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }

    /// What is not as it should be 15 s after the fault: the longest backoff, and five seconds.
    private func complaint(_ run: Run, _ crew: Crew, _ watch: LedgerWatch) async -> String? {
        do {
            try await Canary.with(run) { canary in
                // By a pooled handler, a singleton, and two broadcasts. A broadcast to processes gets what comes while it is
                // there, so one event too early proves nothing.
                try await eventually("an event is handled by all", within: .seconds(15)) {
                    _ = try await canary.answers(watch, times: 4, within: .milliseconds(500))
                    return true
                }
                try await eventually("calls are answered", within: .seconds(15)) {
                    let word: String = try await canary.host.rpc("roster", timeout: .seconds(2)).relay(word: "alive")
                    return word == "alive"
                }
                for queue in ["evt-source-tick--roster.pooled", "evt-source-tick", "rpc-roster"] {
                    try await eventually("\(queue) has the consumers of both processes", within: .seconds(15)) {
                        try await canary.broker.inspect(queue: queue).consumerCount == 2
                    }
                }
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    private static let ailments: [Ailment] = [
        Ailment(name: "reset") { _, crew in for member in crew.all { member.proxy.strike(.reset) } },
        Ailment(name: "half close") { _, crew in for member in crew.all { member.proxy.strike(.finish) } },
        Ailment(name: "blackhole to the client") { _, crew in
            for member in crew.all { member.proxy.strike(.blackhole, .toClient) }
            try await ContinuousClock().sleep(for: .seconds(3))
        },
        Ailment(name: "blackhole to the broker") { _, crew in
            for member in crew.all { member.proxy.strike(.blackhole, .toBroker) }
            try await ContinuousClock().sleep(for: .seconds(4))
        },
        Ailment(name: "nobody listens for 3 s") { _, crew in
            for member in crew.all { member.proxy.refuse() }
            try await ContinuousClock().sleep(for: .seconds(3))
            for member in crew.all { try member.proxy.accept() }
        },
        Ailment(name: "everything is swallowed for 4 s") { _, crew in
            for member in crew.all { member.proxy.swallow([.toBroker, .toClient]) }
            try await ContinuousClock().sleep(for: .seconds(4))
            for member in crew.all { member.proxy.swallow([]) }
        },
        Ailment(name: "20 kB/s and 200 ms for 4 s") { _, crew in
            for member in crew.all { member.proxy.pace(.init(delay: .milliseconds(200), bytesPerSecond: 20_000)) }
            try await ContinuousClock().sleep(for: .seconds(4))
            for member in crew.all { member.proxy.pace(.full) }
        },
        Ailment(name: "no descriptors for 3 s") { _, crew in
            // No socket more than standard input, output and error.
            for member in crew.all { try await member.process?.limitDescriptors(to: 3) }
            for member in crew.all { member.proxy.strike(.reset) }
            for member in crew.all { try await member.logs("too many open files") }
            try await ContinuousClock().sleep(for: .seconds(3))
            for member in crew.all { try await member.process?.limitDescriptors(to: 1024) }
        },
        Ailment(name: "an operator closes all connections") { run, _ in
            try await run.node.control("close_all_connections", "chaos")
        },
        Ailment(name: "a queue is deleted") { run, _ in
            try await run.host.delete(queue: "evt-source-tick--roster.pooled")
        },
        Ailment(name: "the RPC queue is deleted") { run, _ in try await run.host.delete(queue: "rpc-roster") },
        Ailment(name: "the broker is stopped for 4 s") { run, _ in
            try run.node.send(signal: SIGSTOP)
            try await ContinuousClock().sleep(for: .seconds(4))
            try run.node.send(signal: SIGCONT)
        },
        Ailment(name: "kill -9 of the broker") { run, _ in _ = try await run.killBroker() },
    ]
}
