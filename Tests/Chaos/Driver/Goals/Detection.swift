import ChaosLedger
import EnokiInProcess
import EnokiTestSupport
import Foundation

/// G8: how soon a process notices that a connection is lost, and how soon all is as it was.
struct Detection: Goal {
    static let name = "detection"
    static let summary = "G8: a lost connection is seen, tried again and served by all fifty consumers, in time"

    /// In seconds: so long that a machine on which all stands still for a moment costs no connection.
    private static let heartbeat = 3
    private static let consumers = 50
    /// Each must have held for a while before it is cut again: with eight of them one is always ready.
    private static let processes = 8

    func run(_ run: Run) async throws -> Verdict {
        let cuts = run.sized((each: 12, blackholes: 6), (each: 100, blackholes: 100))
        var generator = run.generator
        var plan =
            [Cut.Action.reset, .finish].flatMap { Array(repeating: $0, count: cuts.each) }
            + Array(repeating: .blackhole, count: cuts.blackholes)
        plan.shuffle(using: &generator)
        return try await run.withCrew(heartbeat: Self.heartbeat) { crew in
            for number in 1...Self.processes {
                try crew.hire("choir-\(number)", services: ["choir"], workers: 2).start()
            }
            for member in crew.all { try await member.logs("[choir] started") }
            for (index, action) in plan.enumerated() {
                let member = crew.all[index % crew.all.count]
                try await member.holds()
                try await run.pause(0...Self.heartbeat * 1000 / 8, &generator)
                member.proxy.strike(action, .toClient)
                // What takes so long is left to itself; what is soon over is measured alone.
                if action != .blackhole { try await Self.sings(member) }
            }
            for member in crew.all { try await Self.sings(member) }
            let comebacks = try crew.all.flatMap { try Self.comebacks(of: $0) }

            var verdict = Verdict()
            let silence = Duration.milliseconds(2000 * Self.heartbeat + 500)
            // A process has two connections.
            verdict.judgeComebacks(
                comebacks,
                planned: 2 * plan.count,
                consumers: Self.consumers,
                limits: .init(silenceSeen: silence)
            )
            verdict.expectNone("crashes", crew.crashes)
            return verdict
        }
    }

    /// Waits until a process has both its connections and all its consumers, for as long as it may take: that is judged later.
    private static func sings(_ member: Crew.Member) async throws {
        try await eventually("\(member.name) has all its consumers; its log is \(member.log)") {
            let alive = member.proxy.records.filter(\.isAlive)
            return alive.count == 2 && alive.contains { $0.consumers == Self.consumers }
        }
    }

    /// What the proxy of a process has seen, and its log tells.
    private static func comebacks(of member: Crew.Member) throws -> [Comeback] {
        let losses = LossLog.losses(in: try String(contentsOfFile: member.log, encoding: .utf8))
        return member.proxy.records.recoveries.map { recovery in
            let end = recovery.cutAt + recovery.reconnected
            // The clock on the wall counts in milliseconds, and is set a little now and then; the loss before was seconds ago.
            let loss = losses.last {
                $0.kind == recovery.kind && $0.time > recovery.cutAt + .seconds(-1) && $0.time <= end
            }
            return Comeback(
                action: recovery.cut.action,
                seen: loss.map { max($0.time - recovery.cutAt, .zero) },
                retried: loss.map { end - $0.time },
                restored: recovery.kind == .consuming
                    ? (recovery.ready - recovery.reconnected, recovery.consumers) : nil
            )
        }
    }
}
