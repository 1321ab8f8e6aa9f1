import ChaosLedger
import Enoki

/// Handles events, but for those of producer 9, which fail each time.
struct Fickle: Microservice {
    static let name = "fickle"
    let config = Config()
    let ledger: LedgerKeeper

    init() { self.ledger = LedgerKeeper("fickle", self.config) }

    var entrypoints: [any Entrypoint] {
        EventHandler("on_tick", onFailure: .retry(upTo: 3, .fixed(.seconds(1))), self.onTick)
    }

    struct Poison: Error {}

    func onTick(_ tick: Tick) async throws {
        self.ledger.write(.started, tick.id, detail: "\(WorkerContext.current?.attempt ?? 0)")
        if tick.producer == 9 { throw Poison() }
        self.ledger.write(.done, tick.id)
    }
}
