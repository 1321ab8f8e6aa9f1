import ChaosLedger
import Enoki

/// Fifty entrypoints, each with a queue of its own: what a process has to restore when it has lost its connection.
struct Choir: Microservice {
    static let name = "choir"
    let config = Config()
    let ledger: LedgerKeeper

    init() { self.ledger = LedgerKeeper("choir", self.config) }

    var entrypoints: [any Entrypoint] {
        for voice in 1...50 {
            EventHandler("voice_\(voice)") { (tick: Tick) in self.ledger.write(.done, tick.id, detail: "\(voice)") }
        }
    }
}
