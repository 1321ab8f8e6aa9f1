import ChaosLedger

/// What a run has shown: what was promised and not kept, and the figures that were measured.
struct Verdict: Sendable {
    /// Each is one promise that was not kept, with examples. Empty is what a run is for.
    private(set) var violations: [String] = []
    /// Measured, in the order in which they are reported.
    private(set) var figures: [Figure] = []

    struct Figure: Sendable, Hashable, Codable {
        let name: String
        let value: String
    }

    var isGood: Bool { self.violations.isEmpty }

    mutating func note(_ name: String, _ value: some CustomStringConvertible) {
        self.figures.append(Figure(name: name, value: value.description))
    }

    mutating func violation(_ text: String) { self.violations.append(text) }

    /// Notes how many there are of what should not be there at all.
    mutating func expectNone(_ name: String, _ found: [some CustomStringConvertible]) {
        self.note(name, found.count)
        guard !found.isEmpty else { return }
        let examples = found.prefix(5).map(\.description).joined(separator: ", ")
        self.violations.append("\(name): \(found.count), such as \(examples)")
    }

    /// Notes a figure that has an upper bound.
    mutating func expect(_ name: String, _ value: Int, atMost bound: Int) {
        self.note(name, "\(value) of at most \(bound)")
        if value > bound { self.violations.append("\(name): \(value), more than \(bound)") }
    }

    /// Notes a time that has an upper bound.
    mutating func expect(_ name: String, _ time: Duration, atMost bound: Duration) {
        self.note(name, "\(time.inMilliseconds) of at most \(bound.inMilliseconds)")
        if time > bound { self.violations.append("\(name): \(time.inMilliseconds), more than \(bound.inMilliseconds)") }
    }
}

extension Duration {
    /// In whole milliseconds.
    var milliseconds: Int { Int(self.components.seconds * 1000 + self.components.attoseconds / 1_000_000_000_000_000) }

    /// In whole milliseconds, with the unit.
    var inMilliseconds: String { "\(self.milliseconds) ms" }
}
