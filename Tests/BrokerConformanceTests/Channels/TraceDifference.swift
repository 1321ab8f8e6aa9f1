/// Two traces side by side: lines of both, `-` of the first alone, `+` of the second alone.
struct TraceDifference: CustomStringConvertible {
    let description: String

    init(from first: [String], to second: [String]) {
        let changes = second.difference(from: first)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in changes {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var lines: [String] = []
        var (left, right) = (0, 0)
        while left < first.count || right < second.count {
            if left < first.count, removed.contains(left) {
                lines.append("- \(first[left])")
                left += 1
            } else if right < second.count, inserted.contains(right) {
                lines.append("+ \(second[right])")
                right += 1
            } else {
                lines.append("  \(first[left])")
                left += 1
                right += 1
            }
        }
        self.description = lines.joined(separator: "\n")
    }
}
