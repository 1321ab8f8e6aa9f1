import ChaosLedger
import Enoki
import EnokiBroker
import EnokiTestSupport
import Foundation
import Testing

@testable import chaos

/// Processes that die of a message, on RabbitMQ.
@Suite(.timeLimit(.minutes(10))) struct CrashTests {
    private static let queue = "evt-source-tick--fragile.on_tick"

    /// `count` places for processes of a service, none of which runs, and a canary that sends it events.
    private func withCrew(
        of service: String,
        _ count: Int,
        _ settings: [String: String] = [:],
        _ body: (Crew, Canary, RabbitMQVirtualHost, LedgerWatch) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "crash-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await RabbitMQVirtualHost.withFresh { host in
            let port = try #require(URLComponents(string: TestEnvironment.amqpURI)?.port)
            let crew = Crew(folder: folder, host: host, port: port, heartbeat: 5)
            for number in 1...count {
                _ = try crew.hire("\(service)-\(number)", services: [service], workers: 4, settings)
            }
            do {
                try await Canary.with(host, folder: folder) { canary in
                    try await body(crew, canary, host, LedgerWatch(folder: folder))
                }
            } catch {
                await crew.dismiss()
                throw error
            }
            await crew.dismiss()
        }
    }

    /// - Parameter work: How long the process lives with the message, in milliseconds.
    @Test(
        .bug(
            "https://github.com/OasisLMF/OasisPlatform/pull/975",
            "OasisPlatform, on celery: a task that kills its worker is delivered again without end"
        ),
        arguments: [5000, 100, 0]
    )
    func aMessageThatKillsItsProcessIsADeadLetterAfterItsLimit(work: Int) async throws {
        let limit = 4
        try await self.withCrew(of: "fragile", 1, ["delivery_limit": "\(limit)"]) { crew, canary, host, watch in
            let member = crew.all[0]
            try member.start()
            try await member.logs("[fragile] started")
            var good: Set<MessageID> = []
            for _ in 0..<20 { good.insert(try await canary.sendEvent(work: 20)) }
            let poison = try await canary.sendEvent(work: -1 - work)
            for _ in 0..<20 { good.insert(try await canary.sendEvent(work: 20)) }

            var deaths = 0
            var entries: [LedgerEntry] = []
            try await eventually("the poison is a dead letter and all else is done", within: .seconds(270)) {
                // Somebody starts what has died.
                if member.process?.end != nil {
                    deaths += 1
                    try member.start()
                }
                entries += try watch.poll()
                let done = Set(entries.filter { $0.act == .done }.map(\.message))
                let queues = try await host.queues()
                let letters = queues.first { $0.name == Self.queue + ".dead" }?.messagesReady
                // Nothing waits, nothing is in hand.
                let left = queues.reduce(0) { $0 + $1.messagesReady + $1.messagesUnacknowledged } - (letters ?? 0)
                return (letters: letters, deaths: deaths, undone: good.subtracting(done), left: left)
            } until: {
                $0.letters == 1 && $0.undone.isEmpty && $0.left == 0
            }
            entries += try watch.poll()
            let begun = entries.count { $0.act == .started && $0.message == poison }
            // And at most three times more where it had to wait for others at last.
            #expect((limit + 1...limit + 4).contains(begun))
            #expect(deaths == begun)
            for id in good {
                // At most once more for each death that it was near to.
                #expect(entries.count { $0.act == .done && $0.message == id } <= 1 + deaths)
            }
            let letters = try await self.reasons(in: Self.queue + ".dead", canary)
            #expect(letters == [.crash])
            #expect(try await canary.drain(Self.queue + ".dead") == [poison])
        }
    }

    @Test func aRollingRestartPutsNothingAmongTheDeadLetters() async throws {
        try await self.withCrew(of: "sink", 3) { crew, canary, host, watch in
            for member in crew.all { try await self.start(member, 1, crew) }
            var sent: Set<MessageID> = []
            // More than all of them hold, so that each stop gives some back that were not begun.
            for _ in 0..<60 { sent.insert(try await canary.sendEvent(work: 300)) }
            var entries: [LedgerEntry] = []
            for round in 2...3 {
                for member in crew.all {
                    let process = try #require(try await member.stop())
                    #expect(process.end?.reason == .status(0))
                    try await self.start(member, round, crew)
                }
            }
            try await eventually("all are done", within: .seconds(60)) {
                entries += try watch.poll()
                return sent.isSubset(of: entries.filter { $0.act == .done }.map(\.message))
            }
            // Each once: what was begun has ended before its process did.
            #expect(entries.count { $0.act == .done } == sent.count)
            try await eventually("all is acknowledged") {
                try await host.queues().allSatisfy { $0.messagesReady + $0.messagesUnacknowledged == 0 }
            }
            #expect(try await host.queues().allSatisfy { !$0.name.hasSuffix(".dead") })
        }
    }

    /// Starts the process of that number in a place, and waits until its services have started.
    private func start(_ member: Crew.Member, _ number: Int, _ crew: Crew) async throws {
        try member.start()
        try await eventually("process \(number) of \(member.name) has started", equals: number) {
            let log = try String(contentsOfFile: "\(crew.folder)/\(member.name).log", encoding: .utf8)
            return log.components(separatedBy: "[sink] started").count - 1
        }
    }

    /// Why the messages in a queue of dead letters were given up; they stay there.
    private func reasons(in queue: String, _ canary: Canary) async throws -> [DeadLetterReason?] {
        let count = try await canary.broker.inspect(queue: queue).messageCount
        let taken = Collector<Delivery>()
        let consumer = try await canary.broker.consume(queue) { taken.append($0) }
        try await eventually("they are here", equals: count) { taken.elements.count }
        await consumer.close()
        try await eventually("they are back", equals: count) {
            try await canary.broker.inspect(queue: queue).messageCount
        }
        return taken.elements.map { DeadLetter($0.message.properties.headers)?.reason }
    }
}
