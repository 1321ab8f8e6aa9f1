/// What somebody may have meant who wrote a name that does not exist.
enum Suggestion {
    /// `: did you mean 'place'?`, where one of `names` is near to `name`, and then all of them: ` It has cancel, place`.
    static func text(for name: String, among names: some Sequence<String>) -> String {
        let names = Set(names).sorted()
        guard !names.isEmpty else { return ": it has none" }
        let all = names.joined(separator: ", ")
        guard let near = Self.nearest(to: name, among: names) else { return ": it has \(all)" }
        return ": did you mean '\(near)'? It has \(all)"
    }

    /// The name that takes the fewest edits, if these are few for its length.
    private static func nearest(to name: String, among names: [String]) -> String? {
        let ranked = names.map { ($0, Self.edits(Array(name.lowercased()), Array($0.lowercased()))) }
        guard let best = ranked.min(by: { $0.1 < $1.1 }), best.1 <= max(1, best.0.count / 3) else { return nil }
        return best.0
    }

    /// How many characters must be inserted, removed or exchanged (Levenshtein).
    private static func edits(_ left: [Character], _ right: [Character]) -> Int {
        var previous = Array(0...right.count)
        for (row, character) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                let exchanged = previous[column] + (character == other ? 0 : 1)
                current.append(min(exchanged, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[right.count]
    }
}
