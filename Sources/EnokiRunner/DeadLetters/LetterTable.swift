import Enoki

/// Queues of dead letters as text: how many each has, and what they are.
struct LetterTable {
    let listings: [LetterListing]
    /// Seconds since 1970.
    let now: UInt64

    /// The tables, one below the other.
    var text: String {
        var queues = TextTable("QUEUE", "DEAD LETTERS")
        for listing in self.listings {
            queues.rows.append([listing.queue.shown, Self.count(of: listing)])
        }
        let parts = [queues.lines] + self.listings.map(self.lines).filter { !$0.isEmpty }
        return parts.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private static func count(of listing: LetterListing) -> String {
        if !listing.exists { return "0 (no such queue yet)" }
        return listing.isShared ? "\(listing.count) (and what others hold)" : "\(listing.count)"
    }

    private func lines(_ listing: LetterListing) -> [String] {
        let letters = listing.letters.isEmpty ? [] : self.table(listing.letters, of: listing.queue).lines
        let none = listing.letters.isEmpty && listing.lookedAt > 0 ? [listing.noneMeant] : []
        let lines = letters + none + listing.notes
        return lines.isEmpty ? [] : [listing.queue.shown] + lines
    }

    /// A row for each letter. Of those that found their queue gone nobody knows more than which queue that was.
    func table(_ letters: [ListedLetter], of queue: DeadLetterQueueName) -> TextTable {
        guard queue.original != nil else { return self.table(ofLost: letters) }
        var table = TextTable("#", "ID", "REASON", "ENTRYPOINT", "ERROR", "ATTEMPTS", "AGE")
        for letter in letters {
            table.rows.append([
                "\(letter.number)", letter.id, letter.reason, letter.entrypoint ?? "-", Self.cut(letter.error ?? "-"),
                letter.attempts.map { "\($0)" } ?? "-", letter.age(at: self.now)?.words ?? "-",
            ])
        }
        return table
    }

    private func table(ofLost letters: [ListedLetter]) -> TextTable {
        var table = TextTable("#", "ID", "CAME FROM", "ATTEMPTS", "AGE")
        for letter in letters {
            table.rows.append([
                "\(letter.number)", letter.id, letter.originalQueue.map { Redaction.redacted($0) } ?? "-",
                letter.attempts.map { "\($0)" } ?? "-", letter.age(at: self.now)?.words ?? "-",
            ])
        }
        return table
    }

    /// A row is to fit on a screen; `show` has all.
    private static func cut(_ text: String) -> String { text.count > 60 ? text.prefix(59) + "…" : text }
}
