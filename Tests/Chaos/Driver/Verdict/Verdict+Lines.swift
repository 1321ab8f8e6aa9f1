extension Verdict {
    /// Judges what a process complained of while something was wrong: it says so, and does not fill the log with it.
    ///
    /// A complaint is what a line says without its numbers, since times and attempts are always others.
    mutating func judgeLines(_ lines: [LoggedLine], of what: String) {
        let complaints = Dictionary(grouping: lines) { line in
            line.text.split(separator: " ").dropFirst().filter { word in !word.contains { $0.isNumber } }
        }
        let most = complaints.values.map(\.count).max() ?? 0
        self.note("complaints of \(what)", "\(complaints.count) in \(lines.count) lines")
        if lines.isEmpty { self.violation("\(what): no complaint") }
        // Thirty thousand times are sixteen doublings.
        self.expect("lines with the same complaint of \(what)", most, atMost: 16)
    }
}
