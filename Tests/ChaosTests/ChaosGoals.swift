import EnokiTestSupport
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
}
