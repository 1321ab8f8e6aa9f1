import ChaosLedger
import Enoki

/// Handles events, but for those of some producers, which fail: 7 and 9 each time, tried again after a
/// second, 8 so too, after a minute, and 6 for good.
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
        if tick.producer == 6 { throw Reject(reason: "for good") }
        if tick.producer == 8 { throw Retry(after: .seconds(60)) }
        if tick.producer == 7 || tick.producer == 9 { throw Poison() }
        self.ledger.write(.done, tick.id)
    }
}
