import EnokiTestSupport
import EnokiTestTraits
import Foundation
import Testing

@testable import chaos

/// The goals of the chaos driver, at their short sizes, in two rows: what hurts the broker has one of its own, so the others can
/// run beside it on another. `make chaos` runs the long ones, one after the other.
@Suite struct ChaosGoals {
    @Suite(.serialized, .ownRabbitMQ) struct ThatHurtTheBroker {
        static let goals: [any Goal.Type] = [
            BrokerKills.self, NoZombies.self, Alarm.self, DeadLetterFaults.self, ReconnectStorm.self,
        ]

        @Test(.timeLimit(.minutes(10)), arguments: Self.goals.map { $0.name })
        func holds(_ name: String) async throws { try await expectHolds(name) }
    }

    @Suite(.serialized, .ownRabbitMQ) struct ThatHurtTheRest {
        static let goals = Goals.all.filter { goal in !ThatHurtTheBroker.goals.contains { $0.name == goal.name } }

        @Test(.timeLimit(.minutes(10)), arguments: Self.goals.map { $0.name })
        func holds(_ name: String) async throws { try await expectHolds(name) }

        /// The driver finds what is broken: a handler that gives its event back as handled before its work is done.
        @Test(.timeLimit(.minutes(5))) func anAcknowledgementBeforeTheWorkIsFound() async throws {
            let node = try #require(RabbitMQNode.current)
            let verdict = try await RabbitMQVirtualHost.withFresh { host in
                let folder = FileManager.default.temporaryDirectory.appending(path: "sabotage-\(UUID())").path()
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(atPath: folder) }
                var goal = ConsumerKills()
                (goal.kills, goal.sabotage) = (4, "ack-first")
                let run = Run(seed: 1, size: .short, node: node, host: host, folder: folder) { print($0) }
                return try await goal.run(run)
            }
            #expect(verdict.violations.contains { $0.hasPrefix("lost: ") })
        }
    }
}

/// Runs a goal once on the RabbitMQ of its suite.
private func expectHolds(_ name: String) async throws {
    let goal = try #require(Goals.named(name))
    let node = try #require(RabbitMQNode.current)
    let seed = UInt64.random(in: 0...999_999)
    let verdict = try await GoalRunner.run(goal, on: node, seed: seed, size: .short) { print("[\(name)] \($0)") }
    #expect(verdict.violations == [], "seed \(seed): chaos run \(name) --seed \(seed)")
    // The next goal is not to suffer from what this one may have left behind.
    if !verdict.isGood {
        try? node.send(signal: SIGKILL)
        try await node.start(isEmpty: true)
    }
}
