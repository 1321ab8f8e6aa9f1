import EnokiBroker
import EnokiTestSupport
import EnokiTestTraits
import Foundation
import Testing

@testable import chaos

/// The goals of the chaos driver, at their short sizes, in four rows on brokers of their own: what hurts the broker, what waits most of the
/// time, what takes its time, and the others. Two goals run at a time, since they measure; `make chaos` runs the long ones, one after the other.
@Suite struct ChaosGoals {
    @Suite(.serialized, .ownRabbitMQ) struct ThatHurtTheBroker {
        static let goals: [any Goal.Type] = [
            BrokerKills.self, NoZombies.self, Alarm.self, DeadLetterFaults.self, ReconnectStorm.self, RetryKills.self,
            BrokerEmptied.self,
        ]

        @Test(.timeLimit(.minutes(10)), arguments: Self.goals.map { $0.name })
        func holds(_ name: String) async throws { try await expectHolds(name) }
    }

    @Suite(.serialized, .ownRabbitMQ) struct ThatMostlyWait {
        static let goals: [any Goal.Type] = [
            LostRights.self, ClockSteps.self, BrokerStops.self, LongAlarm.self, OperatorCloses.self,
            ServiceStops.self,
        ]

        @Test(.timeLimit(.minutes(10)), arguments: Self.goals.map { $0.name })
        func holds(_ name: String) async throws { try await expectHolds(name) }
    }

    @Suite(.serialized, .ownRabbitMQ) struct ThatTakeTheirTime {
        static let goals: [any Goal.Type] = [Soak.self, Detection.self, DiskFull.self, RetryQueues.self]

        @Test(.timeLimit(.minutes(10)), arguments: Self.goals.map { $0.name })
        func holds(_ name: String) async throws { try await expectHolds(name) }

        /// The driver finds what is broken: a handler that keeps some of each event.
        @Test(.timeLimit(.minutes(10))) func aLeakIsFound() async throws {
            var goal = Soak()
            (goal.length, goal.sabotage) = (.seconds(30), "leak")
            let violations = try await sabotaged(goal).violations
            #expect(violations.contains { $0.contains("kilobytes that sink") })
        }
    }

    @Suite(.serialized, .ownRabbitMQ) struct ThatHurtTheRest {
        static let others = ThatHurtTheBroker.goals + ThatMostlyWait.goals + ThatTakeTheirTime.goals
        static let goals = Goals.all.filter { goal in !Self.others.contains { $0.name == goal.name } }

        @Test(.timeLimit(.minutes(10)), arguments: Self.goals.map { $0.name })
        func holds(_ name: String) async throws { try await expectHolds(name) }

        /// The driver finds what is broken: a handler that gives its event back as handled before its work is done.
        @Test(.timeLimit(.minutes(10))) func anAcknowledgementBeforeTheWorkIsFound() async throws {
            var goal = ConsumerKills()
            (goal.kills, goal.sabotage) = (4, "ack-first")
            let violations = try await sabotaged(goal).violations
            #expect(violations.contains { $0.hasPrefix("lost: ") })
        }
    }
}

/// More than two at once would wait for each other's processes, on two cores, and find everything slow.
private let places = Turnstile(places: 2)

/// A thousand events that fail at once keep two cores busy, and are to be tried again in time; a loss is to be seen within milliseconds.
private let alone: Set<String> = [Retries.name, Detection.name]

/// Runs a goal whose processes do something wrong on purpose.
private func sabotaged(_ goal: some Goal) async throws -> Verdict {
    let node = try #require(RabbitMQNode.current)
    return try await places.pass {
        try await RabbitMQVirtualHost.withFresh { host in
            let folder = FileManager.default.temporaryDirectory.appending(path: "sabotage-\(UUID())").path()
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            return try await goal.run(Run(seed: 1, size: .short, node: node, host: host, folder: folder) { print($0) })
        }
    }
}

/// Runs a goal once on the RabbitMQ of its suite.
private func expectHolds(_ name: String) async throws {
    let goal = try #require(Goals.named(name))
    let node = try #require(RabbitMQNode.current)
    let seed = UInt64.random(in: 0...999_999)
    let verdict = try await places.pass(isAlone: alone.contains(name)) {
        try await GoalRunner.run(goal, on: node, seed: seed, size: .short) { print("[\(name)] \($0)") }
    }
    #expect(verdict.violations == [], "seed \(seed): chaos run \(name) --seed \(seed)")
    // The next goal is not to suffer from what this one may have left behind.
    if !verdict.isGood {
        try? node.send(signal: SIGKILL)
        try await node.start(isEmpty: true)
    }
}
