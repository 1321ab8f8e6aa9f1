/// The spread of measured times.
struct Statistics: Sendable, CustomStringConvertible {
    private let sorted: [Duration]

    init(_ times: [Duration]) { self.sorted = times.sorted() }

    var count: Int { self.sorted.count }

    /// The time that a share of them did not exceed: 0.5 is the median, 1 the longest. Zero where there are none.
    func quantile(_ share: Double) -> Duration {
        guard !self.sorted.isEmpty else { return .zero }
        let rank = Int((Double(self.sorted.count) * share).rounded(.up))
        return self.sorted[min(max(rank - 1, 0), self.sorted.count - 1)]
    }

    var description: String {
        guard !self.sorted.isEmpty else { return "none" }
        let (half, most, all) = (self.quantile(0.5), self.quantile(0.99), self.quantile(1))
        let times = "median \(half.inMilliseconds), 99 % \(most.inMilliseconds), longest \(all.inMilliseconds)"
        return "\(times) of \(self.count)"
    }
}
