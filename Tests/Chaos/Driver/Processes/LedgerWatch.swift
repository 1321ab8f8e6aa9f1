import ChaosLedger
import EnokiTestSupport
import Foundation

/// Reads ledgers while they are written.
final class LedgerWatch {
    private let folder: String
    private var offsets: [String: UInt64] = [:]
    /// What has been read, by act.
    private(set) var counts: [LedgerEntry.Act: Int] = [:]

    init(folder: String) { self.folder = folder }

    /// What was written since the last time.
    @discardableResult
    func poll() throws -> [LedgerEntry] {
        var entries: [LedgerEntry] = []
        for file in try FileManager.default.contentsOfDirectory(atPath: self.folder) where file.hasSuffix(".ledger") {
            let handle = try FileHandle(forReadingFrom: URL(filePath: "\(self.folder)/\(file)"))
            defer { try? handle.close() }
            try handle.seek(toOffset: self.offsets[file] ?? 0)
            let bytes = [UInt8](try handle.readToEnd() ?? Data())
            guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { continue }
            entries += try Ledger.entries(of: Array(bytes[...end]), file)
            self.offsets[file, default: 0] += UInt64(end + 1)
        }
        for entry in entries { self.counts[entry.act, default: 0] += 1 }
        return entries
    }

    /// Reads until there are `count` entries of `act`, all ledgers together.
    func wait(for act: LedgerEntry.Act, _ count: Int, within limit: Duration) async throws {
        try await eventually("\(count) entries '\(act)'", within: limit) {
            try self.poll()
            return self.counts[act] ?? 0
        } until: {
            $0 >= count
        }
    }
}
