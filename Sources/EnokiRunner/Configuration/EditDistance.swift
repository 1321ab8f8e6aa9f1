/// How many slips make one word of another: a letter left out, added or changed, or two neighbours that changed places.
///
/// It is the optimal string alignment distance (<https://en.wikipedia.org/wiki/Damerau–Levenshtein_distance>).
struct EditDistance: Sendable, Hashable {
    /// The number of slips; of words that are clearly different at least the difference of their lengths.
    let count: Int

    init(_ first: [UInt8], _ second: [UInt8]) {
        // A long text is no misspelt name, and is not worth a table.
        guard abs(first.count - second.count) <= 2, !first.isEmpty, !second.isEmpty else {
            self.count = max(first.count, second.count)
            return
        }
        var rows = [Array(0...second.count)]
        for row in 1...first.count {
            var line = [row]
            for column in 1...second.count {
                let isSame = first[row - 1] == second[column - 1]
                var least = min(
                    rows[row - 1][column] + 1,
                    line[column - 1] + 1,
                    rows[row - 1][column - 1] + (isSame ? 0 : 1)
                )
                if row > 1, column > 1, first[row - 1] == second[column - 2], first[row - 2] == second[column - 1] {
                    least = min(least, rows[row - 2][column - 2] + 1)
                }
                line.append(least)
            }
            rows.append(line)
        }
        self.count = rows[first.count][second.count]
    }
}
