import EnokiTestSupport
import Foundation
import Testing

@testable import chaos

/// The goals of the chaos driver, at their short sizes, one after the other. `make chaos` runs the long ones.
@Suite(.serialized) struct ChaosGoals {
    @Test(.timeLimit(.minutes(10)), arguments: Goals.all.map { $0.name })
    func holds(_ name: String) async throws {
        let goal = try #require(Goals.named(name))
        let seed = UInt64.random(in: 0...999_999)
        let verdict = try await RabbitMQNode.with { node in
            try await GoalRunner.run(goal, on: node, seed: seed, size: .short) { print($0) }
        }
        #expect(verdict.violations == [], "seed \(seed): chaos run \(name) --seed \(seed)")
    }

    /// The driver finds what is broken: a handler that gives its event back as handled before its work is done.
    @Test(.timeLimit(.minutes(5))) func anAcknowledgementBeforeTheWorkIsFound() async throws {
        let verdict = try await RabbitMQNode.with { node in
            try await node.asCurrent {
                try await RabbitMQVirtualHost.withFresh { host in
                    let folder = FileManager.default.temporaryDirectory.appending(path: "sabotage-\(UUID())").path()
                    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                    defer { try? FileManager.default.removeItem(atPath: folder) }
                    var goal = ConsumerKills()
                    (goal.kills, goal.sabotage) = (4, "ack-first")
                    return try await goal.run(
                        Run(seed: 1, size: .short, node: node, host: host, folder: folder) { print($0) }
                    )
                }
            }
        }
        #expect(verdict.violations.contains { $0.hasPrefix("lost: ") })
    }
}
