import ChaosLedger
import Foundation
import Testing

/// What processes write, and how it is read.
@Suite struct LedgerTests {
    @Test(arguments: LedgerEntry.Act.allCases)
    func anEntryIsReadAsItWasWritten(_ act: LedgerEntry.Act) throws {
        for detail in ["", "again"] {
            let entry = LedgerEntry(
                act,
                MessageID(producer: 3, sequence: 4711),
                at: Instant(nanoseconds: 123_456_789_012),
                detail: detail
            )
            #expect(LedgerEntry(line: Array(entry.line.utf8).dropLast()) == entry)
        }
    }

    @Test(arguments: [
        "", "done", "done 1.2", "done 1 5", "won 1.2 5", "done 1.x 5", "done 1.2 -5", "done 1.2 1234567890123456789",
    ])
    func whatIsNoEntryIsNotRead(_ line: String) {
        #expect(LedgerEntry(line: Array(line.utf8)) == nil)
    }

    @Test func aLineThatAKilledProcessDidNotFinishDoesNotCount() throws {
        let entries = try Ledger.entries(of: Array("sent 1.2 5\ndone 1.2 6\ndone 1.".utf8), "a")
        #expect(entries.map(\.act) == [.sent, .done])
    }

    @Test func aDamagedLedgerIsNotBelieved() {
        #expect(throws: Ledger.Damaged.self) { try Ledger.entries(of: Array("sent 1.2 5\nsnt 1.2 6\n".utf8), "a") }
    }

    @Test func aFolderOfLedgersIsReadByNameAndProcess() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ledgers-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let writer = try LedgerWriter(folder: folder, name: "sink")
        writer.write(.started, MessageID(producer: 1, sequence: 2), detail: "again")
        writer.write(.done, MessageID(producer: 1, sequence: 2))
        let ledgers = try Ledger.all(in: folder)
        #expect(ledgers.map(\.name) == ["sink"])
        #expect(ledgers.map(\.process) == [ProcessInfo.processInfo.processIdentifier])
        #expect(ledgers.first?.entries.map(\.act) == [.started, .done])
        #expect(ledgers.first?.entries.first?.detail == "again")
    }

    @Test func aChangedEventIsNoticed() {
        var tick = Tick(MessageID(producer: 1, sequence: 2), work: 0)
        #expect(tick.isIntact)
        tick.sequence = 3
        #expect(!tick.isIntact)
    }
}
