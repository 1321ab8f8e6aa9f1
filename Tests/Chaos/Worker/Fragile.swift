import ChaosLedger
import Enoki

/// Handles events, and dies of those whose work is less than nothing; at once if it is -1.
struct Fragile: Microservice {
    static let name = "fragile"
    let config = Config()
    let ledger: LedgerKeeper

    init() { self.ledger = LedgerKeeper("fragile", self.config) }

    var entrypoints: [any Entrypoint] { EventHandler("on_tick", self.onTick) }

    func onTick(_ tick: Tick) async throws {
        self.ledger.write(.started, tick.id)
        if tick.work != -1 { try await ContinuousClock().sleep(for: .milliseconds(abs(tick.work))) }
        if tick.work < 0 { fatalError("event \(tick.id) is what this process dies of") }
        self.ledger.write(.done, tick.id)
    }
}
