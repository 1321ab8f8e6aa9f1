import ChaosLedger
import Enoki
import EnokiBroker
import Foundation

/// A timer that writes down what the wall clock says.
struct Metronome: Microservice {
    static let name = "metronome"
    let config = Config()
    let ledger: LedgerKeeper
    private let beats = Locked(0)

    init() { self.ledger = LedgerKeeper("metronome", self.config) }

    var entrypoints: [any Entrypoint] {
        Timer("beat", every: .milliseconds(250)) {
            let beat = self.beats.withLock { beats in
                defer { beats += 1 }
                return beats
            }
            let now = Int(Date.now.timeIntervalSince1970)
            self.ledger.write(.done, MessageID(producer: 7, sequence: beat), detail: "\(now)")
        }
    }
}
