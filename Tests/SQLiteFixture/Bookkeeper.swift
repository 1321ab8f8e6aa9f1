import Enoki
import EnokiSQLite
import Foundation
import GRDB

struct Sold: Event {
    static let source = "shop"
    static let type = "sold"
    var sku: String
}

/// Appends what was sold to the file `FIXTURE_LEDGER`; what begins with `row`, to the table `sales` of `FIXTURE_DATABASE`, too,
/// together with the note that its message is done. Claims have a lease of `FIXTURE_LEASE` seconds, by default 1. With `FIXTURE_DIES` it then dies of what ends with `deadly`.
struct Bookkeeper: Microservice {
    static let name = "bookkeeper"
    let store: SQLiteIdempotencyStore
    let ledger: String
    let dies: Bool
    let lease: Duration

    init() {
        let environment = ProcessInfo.processInfo.environment
        self.store = SQLiteIdempotencyStore(path: environment["FIXTURE_DATABASE"] ?? "")
        self.ledger = environment["FIXTURE_LEDGER"] ?? ""
        self.dies = environment["FIXTURE_DIES"] != nil
        self.lease = environment["FIXTURE_LEASE"].flatMap(Int.init).map { .seconds($0) } ?? .seconds(1)
    }

    var entrypoints: [any Entrypoint] {
        EventHandler(
            "book",
            idempotency: Idempotency(store: self.store, for: .seconds(3600), lease: self.lease),
            self.book
        )
    }

    func book(_ sold: Sold) async throws {
        try self.append(sold.sku)
        if sold.sku.hasPrefix("row") {
            try await self.store.commit { database in
                try database.execute(sql: "CREATE TABLE IF NOT EXISTS sales (sku TEXT)")
                try database.execute(sql: "INSERT INTO sales VALUES (?)", arguments: [sold.sku])
            }
        }
        if self.dies, sold.sku.hasSuffix("deadly") { kill(getpid(), SIGKILL) }
    }

    /// A line at once: several processes write.
    private func append(_ line: String) throws {
        let file = open(self.ledger, O_WRONLY | O_APPEND | O_CREAT, 0o600)
        guard file >= 0 else { throw CocoaError(.fileWriteUnknown) }
        defer { close(file) }
        let bytes = Array("\(line)\n".utf8)
        guard write(file, bytes, bytes.count) == bytes.count else { throw CocoaError(.fileWriteUnknown) }
    }
}
