/// Counts what goes wrong again and again in the same words: the log has it when it is news, and has not a thousand lines of it.
struct Complaints: Sendable {
    private struct Record {
        var count: Int
        var last: ContinuousClock.Instant
    }

    /// What was not heard of for so long is news again.
    static let memory = Duration.seconds(60)
    /// The most texts that it knows; some have names in them that change.
    static let capacity = 200

    private var records: [String: Record] = [:]

    /// Once more.
    ///
    /// - Returns: How often by now; 1 is news.
    mutating func note(_ text: String, at now: ContinuousClock.Instant) -> Int {
        if self.records[text] == nil, self.records.count >= Self.capacity { self.records = [:] }
        let former = self.records[text].flatMap { now - $0.last < Self.memory ? $0.count : nil }
        let count = (former ?? 0) + 1
        self.records[text] = Record(count: count, last: now)
        return count
    }

    /// Whether it has doubled; the first time counts as well.
    static func isDoubled(_ count: Int) -> Bool { count & (count - 1) == 0 }
}
