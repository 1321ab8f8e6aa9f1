import ChaosLedger
import Configuration
import Enoki
import EnokiBroker
import Foundation

/// The ledger of the process, in the folder `chaos_ledger`. Ends the process with the driver that started it.
final class LedgerKeeper: DependencyProvider {
    private let name: String
    private let config: Config
    private let writer = Locked<LedgerWriter?>(nil)

    /// A ledger of that name; `config` is the service's.
    init(_ name: String, _ config: Config) {
        self.name = name
        self.config = config
    }

    func start() async throws {
        let folder = try self.config.reader.requiredString(forKey: "chaos_ledger")
        let writer = try LedgerWriter(folder: folder, name: self.name)
        self.writer.withLock { $0 = writer }
    }

    func run() async throws {
        let driver = getppid()
        while !Task.isCancelled {
            // A driver that was killed cannot stop what it has started.
            if getppid() != driver { _exit(9) }
            try? await ContinuousClock().sleep(for: .seconds(1))
        }
    }

    func write(_ act: LedgerEntry.Act, _ message: MessageID, detail: String = "") {
        self.writer.withLock { $0 }?.write(act, message, detail: detail)
    }
}
