import ChaosLedger
import Configuration
import Enoki

/// Handles events, and writes down when it begins and when it is done.
///
/// ## Configuration keys
/// `chaos_sabotage`, to prove that the driver sees it: `ack-first` gives the event back as handled before the work is done,
/// `leak` keeps 1600 bytes of each event: as many as are seen in half a minute on a machine that handles few.
struct Sink: Microservice {
    static let name = "sink"
    let config = Config()
    let ledger: LedgerKeeper

    init() { self.ledger = LedgerKeeper("sink", self.config) }

    var entrypoints: [any Entrypoint] { EventHandler("on_tick", self.onTick) }

    func onTick(_ tick: Tick) async throws {
        if try self.config.reader.string(forKey: "chaos_sabotage") == "ack-first" {
            Task { try await self.work(on: tick, again: false) }
            return
        }
        if try self.config.reader.string(forKey: "chaos_sabotage") == "leak" {
            UnsafeMutablePointer<UInt8>.allocate(capacity: 1600).initialize(repeating: 1, count: 1600)
        }
        try await self.work(on: tick, again: WorkerContext.current?.redelivered == true)
    }

    private func work(on tick: Tick, again: Bool) async throws {
        self.ledger.write(.started, tick.id, detail: tick.isIntact ? (again ? "again" : "") : "garbled")
        do {
            if tick.work > 0 { try await ContinuousClock().sleep(for: .milliseconds(tick.work)) }
        } catch {
            self.ledger.write(.cancelled, tick.id)
            throw error
        }
        self.ledger.write(.done, tick.id)
    }
}
