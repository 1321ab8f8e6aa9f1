import Foundation

/// A line of what a process has logged.
struct LoggedLine: Hashable, Sendable {
    let text: String

    /// The level is the second word, behind the time.
    private var level: Substring { self.text.split(separator: " ", maxSplits: 2).dropFirst().first ?? "" }

    /// Whether somebody has to do something.
    var isError: Bool { ["error", "critical"].contains(self.level) }
    /// Whether it is a warning or worse.
    var isComplaint: Bool { self.isError || self.level == "warning" }
}

extension Crew.Member {
    /// What its processes have logged so far.
    func logged() throws -> [LoggedLine] {
        try String(contentsOfFile: self.log, encoding: .utf8).split(separator: "\n").map { line in
            LoggedLine(text: String(line))
        }
    }
}
