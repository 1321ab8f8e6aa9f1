import ChaosLedger
import EnokiTestSupport

extension Crew.Member {
    /// Waits until both its connections have held for so long: by default until the loss of one begins a new series of
    /// attempts, as one that is lost sooner is made again more slowly.
    func holds(for time: Duration = .milliseconds(5200), within limit: Duration = .seconds(40)) async throws {
        try await eventually("both connections of \(self.name) hold for \(time)", within: limit) {
            let alive = self.proxy.records.filter(\.isAlive)
            return alive.count == 2 && alive.allSatisfy { Instant.now - ($0.ready ?? .now) > time }
        }
    }
}
