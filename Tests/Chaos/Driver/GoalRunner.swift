import ChaosLedger
import EnokiTestSupport
import Foundation

/// Runs goals on brokers of their own.
enum GoalRunner {
    /// Runs `goal` once, in a fresh virtual host of `node`.
    ///
    /// The folder of ledgers and logs is removed when the verdict is good, and stays when it is not: the last line says
    /// where.
    static func run(
        _ goal: any Goal.Type,
        on node: RabbitMQNode,
        seed: UInt64,
        size: Size,
        say: @escaping @Sendable (String) -> Void
    ) async throws -> Verdict {
        let folder = try Self.makeFolder(goal.name)
        let start = Instant.now
        say("\(goal.summary) [seed \(seed), \(size.rawValue)]")
        var verdict = Verdict()
        do {
            try await node.asCurrent {
                try await RabbitMQVirtualHost.withFresh { host in
                    let run = Run(seed: seed, size: size, node: node, host: host, folder: folder, say: say)
                    verdict = try await goal.init().run(run)
                }
            }
        } catch {
            // What does not come true in time is a promise that was not kept, and the ledgers say more.
            verdict.violation("stuck: \(error)")
        }
        say("  took \((Instant.now - start).inMilliseconds)")
        for figure in verdict.figures { say("  \(figure.name): \(figure.value)") }
        for violation in verdict.violations { say("  VIOLATED \(violation)") }
        say("  \(verdict.isGood ? "holds" : "does not hold; ledgers and logs are in \(folder)") [seed \(seed)]")
        if verdict.isGood { try? FileManager.default.removeItem(atPath: folder) }
        return verdict
    }

    /// In memory where that is possible: a ledger must not wait for a disk.
    private static func makeFolder(_ name: String) throws -> String {
        let memory = "/dev/shm"
        let parent =
            FileManager.default.isWritableFile(atPath: memory)
            ? memory : FileManager.default.temporaryDirectory.path()
        let folder = "\(parent)/enoki-chaos-\(name)-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }
}
