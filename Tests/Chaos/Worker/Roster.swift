import ChaosLedger
import Enoki

/// One of each kind of consumer, for events that show that all of them live.
struct Roster: Microservice {
    static let name = "roster"
    let config = Config()
    let ledger: LedgerKeeper
    let itself = RPCProxy("roster", timeout: .seconds(5))

    init() { self.ledger = LedgerKeeper("roster", self.config) }

    var entrypoints: [any Entrypoint] {
        EventHandler("pooled") { (tick: Tick) in self.note(tick, "pooled") }
        EventHandler("singleton", mode: .singleton) { (tick: Tick) in self.note(tick, "singleton") }
        EventHandler("broadcast", mode: .broadcast) { (tick: Tick) in self.note(tick, "broadcast") }
        RPC("echo", "word") { @concurrent (word: String) -> String in word }
        // The process's own calls go through its own reply queue.
        RPC("relay", "word") { @concurrent (word: String) -> String in try await self.itself.echo(word: word) }
    }

    private func note(_ tick: Tick, _ role: String) { self.ledger.write(.done, tick.id, detail: role) }
}
