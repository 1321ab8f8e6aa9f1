import Foundation

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Appends to a ledger, one `write` an entry: what is written stays, whatever kills the process.
package final class LedgerWriter: Sendable {
    private let descriptor: Int32

    /// A ledger of this process in `folder`: `<name>.<process id>.ledger`.
    package init(folder: String, name: String) throws {
        let path = "\(folder)/\(name).\(getpid()).ledger"
        self.descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard self.descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close(self.descriptor) }

    /// Appends an entry of now.
    package func write(_ act: LedgerEntry.Act, _ message: MessageID, detail: String = "") {
        var line = LedgerEntry(act, message, at: .now, detail: detail).line
        // A file that is opened to append takes each write whole, from any thread. One that takes none, as on a full
        // disk, must end the process: a ledger with holes would accuse the innocent.
        let written = line.withUTF8 { Glibc.write(self.descriptor, $0.baseAddress, $0.count) == $0.count }
        if !written { abort() }
    }
}
