import Enoki
import EnokiBroker

/// Which of the dead letters of a queue are meant. All conditions that are given must hold.
struct LetterSelection: Sendable, Hashable {
    /// Message ids, or digests as they are listed; empty for any.
    var ids: [String] = []
    /// The place in the queue.
    var number: Int?
    /// The reason as it is listed.
    var reason: String?
    /// The entrypoint, or the service and the entrypoint with a dot between them.
    var entrypoint: String?
    /// How old a letter is at least; one of unknown age is not meant.
    var olderThan: Duration?
    /// How many of those that the other conditions name, the oldest first; `nil` for all of them.
    var atMost: Int?

    /// All of them.
    static let all = LetterSelection()

    /// Whether it has no condition.
    var isAll: Bool { self == .all }

    /// Whether all conditions hold for `letter`, at `now` seconds since 1970.
    func contains(_ letter: ListedLetter, at now: UInt64) -> Bool {
        if !self.ids.isEmpty, !self.ids.contains(where: { Self.names($0, letter) }) { return false }
        if let number = self.number, number != letter.number { return false }
        if let reason = self.reason, reason != letter.reason { return false }
        if let entrypoint = self.entrypoint, !Self.isEntrypoint(entrypoint, of: letter) { return false }
        if let age = self.olderThan { return letter.age(at: now).map { $0 > age } ?? false }
        return true
    }

    /// Those of `candidates` that are meant.
    func choose<Candidate>(
        from candidates: [Candidate],
        letter: (Candidate) -> ListedLetter,
        at now: UInt64
    ) -> [Candidate] {
        Array(candidates.filter { self.contains(letter($0), at: now) }.prefix(self.atMost ?? .max))
    }

    private static func names(_ id: String, _ letter: ListedLetter) -> Bool {
        letter.messageID.map(id.hasSameBytes) ?? false || id == "\(letter.digest)"
    }

    private static func isEntrypoint(_ name: String, of letter: ListedLetter) -> Bool {
        guard let known = letter.letter else { return false }
        return name.hasSameBytes(as: known.entrypoint) || name.hasSameBytes(as: "\(known.service).\(known.entrypoint)")
    }
}
