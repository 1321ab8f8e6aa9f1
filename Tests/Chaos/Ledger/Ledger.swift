import Foundation

/// What one process has written.
package struct Ledger: Sendable {
    /// The name that the process was given.
    package let name: String
    /// Its process id.
    package let process: Int32
    package let entries: [LedgerEntry]

    package init(name: String, process: Int32, entries: [LedgerEntry]) {
        self.name = name
        self.process = process
        self.entries = entries
    }

    /// Reads all ledgers of a folder.
    ///
    /// - Throws: ``Damaged`` for a line that is none. A last one without its line feed is what a killed process left, and
    ///   counts as not written.
    package static func all(in folder: String) throws -> [Ledger] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted().compactMap { file in
            let parts = file.split(separator: ".")
            guard parts.count == 3, parts[2] == "ledger", let process = Int32(parts[1]) else { return nil }
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(file)")))
            return Ledger(name: String(parts[0]), process: process, entries: try Self.entries(of: bytes, file))
        }
    }

    package static func entries(of bytes: [UInt8], _ file: String) throws -> [LedgerEntry] {
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        return try bytes[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            guard let entry = LedgerEntry(line: line) else {
                throw Damaged(file: file, line: String(decoding: line, as: UTF8.self))
            }
            return entry
        }
    }

    /// A ledger that cannot be believed.
    package struct Damaged: Error, CustomStringConvertible {
        let file: String
        let line: String
        package var description: String { "the ledger \(self.file) has a line that is none: '\(self.line)'" }
    }
}
