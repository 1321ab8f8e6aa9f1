import ChaosLedger

extension Verdict {
    /// Judges whether clients that lost their connections at the same moment come back spread over time.
    ///
    /// - Parameters:
    ///   - moments: When they lost them.
    ///   - returns: When connections were made.
    ///   - width: The time in which not too many may come.
    mutating func judgeSpread(of returns: [Instant], after moments: [Instant], within width: Duration) {
        let moments = moments.sorted()
        let shares: [Int] = moments.indices.compactMap { index in
            let end = index + 1 < moments.count ? moments[index + 1] : moments[index] + .seconds(60)
            let times = returns.filter { $0 > moments[index] && $0 <= end }.sorted()
            // Of a few it says nothing.
            guard times.count >= 6 else { return nil }
            let fullest = times.map { start in times.count { $0 >= start && $0 - start <= width } }.max() ?? 0
            return fullest * 100 / times.count
        }
        guard !shares.isEmpty else {
            return self.violation("hardly anybody came back together: the run proves nothing")
        }
        self.note("moments after which many came back", shares.count)
        self.expect(
            "hundredths of them within \(width.inMilliseconds), in the middle case",
            shares.sorted()[shares.count / 2],
            atMost: 50
        )
    }
}
