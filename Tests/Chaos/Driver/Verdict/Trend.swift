import ChaosLedger

/// What a process held of the system, at one time after the other.
struct Trail: Sendable {
    let name: String
    private(set) var samples: [(time: Instant, footprint: Footprint)] = []

    init(_ name: String, _ samples: [(time: Instant, footprint: Footprint)] = []) {
        self.name = name
        self.samples = samples
    }

    mutating func note(_ footprint: Footprint, at time: Instant) { self.samples.append((time, footprint)) }

    /// Without the first fifth, in which a process takes what it needs once.
    var settled: Trail { Trail(self.name, Array(self.samples.dropFirst(self.samples.count / 5))) }

    /// From the first sample to the last.
    var length: Duration {
        guard let first = self.samples.first, let last = self.samples.last else { return .zero }
        return last.time - first.time
    }

    /// What the value grows by in a second, along the straight line that is nearest to it (least squares).
    func slope(of value: (Footprint) -> Int) -> Double {
        guard let start = self.samples.first?.time, self.samples.count > 1 else { return 0 }
        let points = self.samples.map { (Double(($0.time - start).milliseconds) / 1000, Double(value($0.footprint))) }
        let count = Double(points.count)
        let middle = (points.map(\.0).reduce(0, +) / count, points.map(\.1).reduce(0, +) / count)
        let spread = points.map { ($0.0 - middle.0) * ($0.0 - middle.0) }.reduce(0, +)
        guard spread > 0 else { return 0 }
        return points.map { ($0.0 - middle.0) * ($0.1 - middle.1) }.reduce(0, +) / spread
    }

    /// What the value is more in the last quarter than in the first, each by its median: a connection that is being made
    /// again is missing for a moment, and no leak.
    func growth(of value: (Footprint) -> Int) -> Int {
        let values = self.samples.map { value($0.footprint) }
        let quarter = max(values.count / 4, 1)
        func median(_ part: ArraySlice<Int>) -> Int { part.isEmpty ? 0 : part.sorted()[part.count / 2] }
        return median(values.suffix(quarter)) - median(values.prefix(quarter))
    }
}
