/// How fast dead letters are replayed, at most.
struct ReplayRate: Sendable, Hashable {
    /// The time from one message to the next.
    let interval: Duration

    /// A rate in words: `5/s`, `30/m`, `100/h`; a bare number is per second.
    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let number = parts.first.flatMap({ Int($0) }), number > 0, number <= 1_000_000 else { return nil }
        let unit: Duration
        switch parts.count == 2 ? parts[1] : "s" {
        case "s": unit = .seconds(1)
        case "m": unit = .seconds(60)
        case "h": unit = .seconds(3600)
        default: return nil
        }
        self.interval = unit / number
    }

    /// How long it takes until the last of `count` messages is published.
    func time(for count: Int) -> Duration { self.interval * max(count - 1, 0) }
}
