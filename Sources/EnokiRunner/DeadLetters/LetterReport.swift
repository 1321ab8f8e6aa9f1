/// What a look at a queue of dead letters has shown.
struct LetterListing: Sendable, Hashable {
    let queue: DeadLetterQueueName
    /// Whether there is such a queue: it is made with the first letter.
    var exists = true
    /// How many letters were in the queue when the look began, those that others hold not counted.
    var count = 0
    /// How many consumers the queue had.
    var consumerCount = 0
    /// Those that were looked at and are meant, oldest first.
    var letters: [ListedLetter] = []
    /// How many were looked at.
    var lookedAt = 0
    /// How many of those that were there went to somebody else while this one looked.
    var takenByOthers = 0
    /// The entrypoints of those that were looked at, where none of them is meant.
    var entrypoints: [String] = []

    /// Notes what has come of those that were wanted.
    mutating func look(at all: [ListedLetter], meant: [ListedLetter], of wanted: Int) {
        self.lookedAt = all.count
        self.letters = meant
        self.takenByOthers = max(wanted - all.count, 0)
        if meant.isEmpty { self.entrypoints = Set(all.compactMap(\.entrypoint)).sorted() }
    }

    /// Whether somebody else may hold letters, which are not seen then, and come back if they are not settled.
    var isShared: Bool { self.consumerCount > 0 || self.takenByOthers > 0 }

    /// How many are left that nobody has taken.
    var notLookedAt: Int { max(self.count - self.takenByOthers - self.lookedAt, 0) }

    /// What a reader should know of what is not listed.
    var notes: [String] {
        var notes: [String] = []
        if self.notLookedAt > 0 {
            notes.append("only the oldest \(self.lookedAt) of \(self.count) were looked at: --limit says how many")
        }
        if self.isShared {
            let seen = self.lookedAt == 1 ? "1 letter was" : "\(self.lookedAt) letters were"
            let held = self.takenByOthers > 0 ? "has taken \(self.takenByOthers) or more" : "may hold more"
            notes.append("\(seen) looked at; another command or consumer \(held), and they may come back")
        }
        return notes
    }
}

/// What a replay or a discard has done.
struct LetterReport: Sendable, Hashable {
    /// A letter that could not be replayed, and why.
    struct Failure: Sendable, Hashable {
        let letter: ListedLetter?
        let reason: String

        /// Both in one sentence.
        var text: String {
            self.letter.map { "number \($0.number), \($0.id): \(self.reason)" } ?? self.reason
        }
    }

    /// Those that are done: they are in their queue, or gone.
    var done: [ListedLetter] = []
    /// How many were meant.
    var selected = 0
    /// Why it ended before all were done. The others are where they were.
    var failure: Failure?
    /// Whether the connection was lost after something was done: it may be among the dead letters still.
    var isUncertain = false
    /// What the look has shown.
    var listing: LetterListing
}
