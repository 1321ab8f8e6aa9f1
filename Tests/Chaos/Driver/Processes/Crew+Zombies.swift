import ChaosLedger
import EnokiTestSupport

extension Crew {
    /// Who should live and does not: publishers that publish nothing, and consumers that RabbitMQ does not have.
    ///
    /// - Parameters:
    ///   - sources: Those that publish without an end.
    ///   - consumers: How many there are to be in the virtual host.
    ///   - limit: How long they may take to come back.
    func zombies(among sources: [Member], consumers expected: Int, within limit: Duration) async throws -> [String] {
        let before = try self.confirmed(by: sources)
        var (after, consumers) = (before, 0)
        let deadline = Instant.now + limit
        while consumers != expected || zip(before, after).contains(where: ==), Instant.now < deadline {
            try await ContinuousClock().sleep(for: .milliseconds(200))
            after = try self.confirmed(by: sources)
            consumers = try await self.host.consumers().count
        }
        var zombies: [String] = []
        for (index, source) in sources.enumerated() where after[index] == before[index] {
            zombies.append("\(source.name) has published nothing for \(limit)")
        }
        if consumers != expected { zombies.append("\(consumers) consumers instead of \(expected)") }
        return zombies
    }

    /// How many events the process of each has published.
    private func confirmed(by sources: [Member]) throws -> [Int] {
        let ledgers = try Ledger.all(in: self.folder)
        return sources.map { source in
            ledgers.first { $0.process == source.process?.id }?.entries.count { $0.act == .confirmed } ?? 0
        }
    }
}
