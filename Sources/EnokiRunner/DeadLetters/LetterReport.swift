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

    /// What a reader should know of what is not listed.
    var notes: [String] {
        var notes: [String] = []
        if self.count - self.takenByOthers > self.lookedAt {
            notes.append("only the oldest \(self.lookedAt) of \(self.count) were looked at: --limit says how many")
        }
        if self.takenByOthers > 0 {
            notes.append("\(self.takenByOthers) more are being looked at by someone else")
        }
        if self.consumerCount > 0 {
            let consumers = self.consumerCount == 1 ? "1 consumer has" : "\(self.consumerCount) consumers have"
            notes.append("\(consumers) this queue too: what they hold is not seen")
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
