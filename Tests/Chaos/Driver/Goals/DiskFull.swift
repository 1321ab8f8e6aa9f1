import ChaosLedger
import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Foundation

/// G15: the broker's disk is really full while events fail.
///
/// RabbitMQ does not bear it: its store of messages ends, what was unconfirmed is rejected, and the virtual host is down until
/// somebody starts it again.
struct DiskFull: Goal {
    static let name = "disk-full"
    static let summary =
        "G15: events that fail for good, and no byte left on the broker's disk: 0 lost, and all goes on with room"

    private static let queue = "evt-source-tick--fickle.on_tick"
    private static let dead = queue + ".dead"
    private static let workers = 16
    private static let window = 64
    private static let room = 256 * 1024 * 1024
    /// Long enough to see who spins.
    private static let outage = Duration.seconds(6)

    func run(_ run: Run) async throws -> Verdict {
        try await RabbitMQNode.with(disk: "\(Self.room)") { node in
            try await node.asCurrent {
                try await RabbitMQVirtualHost.withFresh { host in
                    try await self.run(on: run.moved(to: node, host))
                }
            }
        }
    }

    private func run(on run: Run) async throws -> Verdict {
        let (messages, rate) = run.sized((5_000, 500), (10_000, 500))
        var generator = run.generator
        return try await run.withCrew(heartbeat: 5) { crew in
            let handlers = try (1...2).map {
                try crew.hire("fickle-\($0)", services: ["fickle"], workers: Self.workers)
            }
            let source = try crew.hire(
                "source",
                services: ["source"],
                [
                    "chaos_producer": "6", "chaos_messages": "\(messages)", "chaos_rate": "\(rate)",
                    "chaos_window": "\(Self.window)",
                ]
            )
            for member in handlers { try member.start() }
            for member in handlers { try await member.logs("[fickle] started") }
            try source.start()
            let watch = LedgerWatch(folder: crew.folder)
            let place = messages / 4 + generator.index(below: messages / 4)
            try await watch.wait(for: .confirmed, place, within: .seconds(120))

            var verdict = Verdict()
            // A little more than is used: it can be more already.
            try await run.node.resizeDisk(to: run.node.usedDisk + 256 * 1024)
            try await eventually("the disk is full", within: .seconds(60)) { try run.node.log.contains("enospc") }
            try await self.watchOutage(handlers, &verdict)
            try await run.node.resizeDisk(to: Self.room)
            let begin = Instant.now
            try await self.repair(run, isKilled: generator.index(below: 2) == 0)
            let repaired = Instant.now
            run.say("the broker was repaired within \((repaired - begin).inMilliseconds)")

            try await watch.wait(for: .finished, 1, within: .seconds(300))
            try await run.settle(within: .seconds(120), but: { $0 == Self.dead })
            let letters = try await Canary.with(run) { try await $0.drain(Self.dead) }
            let ledgers = try Ledger.all(in: crew.folder)
            let again = ledgers.flatMap(\.entries).filter { $0.act == .started && $0.time > repaired }.map(\.time).min()
            verdict.expect("handling again after it was repaired", (again ?? .now) - repaired, atMost: .seconds(20))
            verdict.judgeConservation(ledgers, producer: 6, dead: letters)
            // What RabbitMQ has not written of the acknowledgements comes again; and what it had not confirmed is sent again.
            verdict.expect(
                "dead letters of events that had one",
                letters.count - Set(letters).count,
                atMost: messages / 10
            )
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }

    /// Waits, and sees how much the processes do meanwhile.
    private func watchOutage(_ members: [Crew.Member], _ verdict: inout Verdict) async throws {
        func used() -> Duration { members.compactMap { $0.process?.processorTime }.reduce(.zero, +) }
        func tries() -> Int { members.reduce(0) { $0 + $1.proxy.publishes } }
        let before = (used(), tries())
        try await ContinuousClock().sleep(for: Self.outage)
        verdict.expect("processor time of both processes without disk", used() - before.0, atMost: Self.outage / 2)
        // One copy of each message that a process may hold, now, and after one, two and four seconds.
        verdict.expect("copies tried without disk", tries() - before.1, atMost: 4 * 2 * 2 * Self.workers)
    }

    /// What an operator does: starts the virtual host again, or the broker where that is down too, or where they kill it.
    private func repair(_ run: Run, isKilled: Bool) async throws {
        let isThere = LoopbackSocket.accepts(try run.node.port)
        run.say("RabbitMQ is \(isThere ? "there" : "down"), and \(isKilled ? "killed" : "helped up")")
        if isThere, !isKilled { return try await run.node.control("restart_vhost", "--vhost", run.host.name) }
        try? run.node.send(signal: SIGKILL)
        try await run.node.start()
    }
}
