extension LetterListing {
    /// The one letter that is meant.
    ///
    /// - Throws: ``DeadLetterError`` where there is none; ``UsageError`` where there are several.
    func onlyLetter() throws -> ListedLetter {
        guard let letter = self.letters.first else { throw DeadLetterError(self.nothingFound) }
        guard self.letters.count == 1 else {
            let numbers = self.letters.prefix(10).map { "\($0.number)" }.joined(separator: ", ")
            let dots = self.letters.count > 10 ? ", …" : ""
            throw UsageError(
                "\(self.letters.count) dead letters of \(self.queue.shown) are meant (numbers \(numbers)\(dots)), and this is "
                    + "for one: choose one with --id or --number"
            )
        }
        return letter
    }

    /// Why none is meant.
    var nothingFound: String {
        if !self.exists {
            return "there is no queue \(self.queue.shown): nothing was given up there, or its name is another"
        }
        let reason = self.lookedAt == 0 ? "\(self.queue.shown) has no dead letters" : self.noneMeant
        return ([reason] + self.notes).joined(separator: "; ")
    }

    /// That none of those that were looked at is meant, and which could have been.
    var noneMeant: String {
        let none = "none of the \(self.lookedAt) dead letters of \(self.queue.shown) is meant"
        guard !self.entrypoints.isEmpty else { return none }
        let dots = self.entrypoints.count > 10 ? ", …" : ""
        return
            "\(none); numbers go from 1 to \(self.lookedAt), and they are of \(self.entrypoints.prefix(10).joined(separator: ", "))\(dots)"
    }
}
