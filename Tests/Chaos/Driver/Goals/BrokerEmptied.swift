import ChaosLedger
import Enoki
import EnokiTestSupport
import Foundation

/// The broker loses its disk: it comes back with no queue, no exchange, no message and no virtual host.
struct BrokerEmptied: Goal {
    static let name = "broker-emptied"
    static let summary =
        "kill -9 and an empty disk: topology and consumers come back, and what is published then is handled"

    private static let window = 64
    private static let workers = 16

    func run(_ run: Run) async throws -> Verdict {
        let times = run.sized(1, 10)
        return try await run.withCrew(heartbeat: 5) { crew in
            let sources = try await crew.startStream(
                workers: Self.workers,
                sources: [
                    "chaos_messages": "100000000", "chaos_rate": "100", "chaos_window": "\(Self.window)",
                    "chaos_work": "20",
                ]
            )
            // One that is called. Nobody else handles events: until a consumer has declared its queue again they have to be unroutable.
            let callee = try crew.hire("callee", services: ["callee"], workers: 4)
            try callee.start()
            try await callee.logs("[callee] started")
            let watch = LedgerWatch(folder: crew.folder)
            var generator = run.generator
            var faults: [Fault] = []
            var healed: [Instant] = []
            var zombies: [String] = []
            for round in 1...times {
                try await watch.wait(for: .done, round * 500, within: .seconds(60))
                try await run.pause(0...1000, &generator)
                // What waits is gone with the disk, and proves nothing.
                try await eventually("the consumers keep up", within: .seconds(60)) {
                    try await run.host.queues().allSatisfy { !$0.name.contains("--sink.") || $0.messagesReady < 100 }
                }
                let outage = try await run.killBroker(isEmpty: true)
                try await run.host.makeAgain()
                healed.append(.now)
                faults.append(Fault(what: "an empty disk", start: outage.killed, end: .now + .seconds(25)))
                zombies += try await crew.zombies(
                    among: sources,
                    consumers: 3,
                    within: .seconds(25)
                )
                zombies += await self.complaints(run)
            }
            for member in sources { try await member.stop() }
            try await run.settle()
            return try self.judge(crew, faults, healed, zombies)
        }
    }

    private func complaints(_ run: Run) async -> [String] {
        do {
            try await Canary.with(run) { canary in
                try await eventually("a call is answered", within: .seconds(15)) {
                    let callee = canary.host.rpc("callee", timeout: .seconds(2))
                    let double: Int = try await callee.double(producer: 9, sequence: 21)
                    return double == 42
                }
            }
            return []
        } catch {
            return ["calls: \(error)"]
        }
    }

    private func judge(_ crew: Crew, _ faults: [Fault], _ healed: [Instant], _ zombies: [String]) throws -> Verdict {
        var verdict = Verdict()
        let history = History(try Ledger.all(in: crew.folder).named("source", "sink"))
        verdict.note("times", faults.count)
        verdict.expectNone("zombies", zombies)
        verdict.judgeDeadlines(history)
        // The disk had them, or the confirm was still on its way to the publisher.
        let gone = Set(
            history.messages.filter { _, message in
                message.done.isEmpty
                    && zip(faults, healed).contains { fault, healed in
                        message.confirmed.contains { fault.start - $0 < .seconds(5) && $0 < healed }
                    }
            }.keys
        )
        verdict.expect("gone with the disk", gone.count, atMost: faults.count * 1_000)
        verdict.judgeDelivery(
            history,
            faults: faults,
            duplicatesAtMost: faults.count * 2 * (Self.window + 2 * Self.workers),
            dead: gone
        )
        // A virtual host that is not there is asked for every five to ten seconds.
        for time in healed { verdict.judgeReturn(history, after: time, within: .seconds(15)) }
        verdict.expectNone("crashes", crew.crashes)
        return verdict
    }
}
