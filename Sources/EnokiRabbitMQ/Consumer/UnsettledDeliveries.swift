import EnokiBroker

/// The deliveries of a consumer that are not settled yet, with their age; performs no I/O.
///
/// RabbitMQ closes the channel of a consumer that leaves a delivery unsettled for too long (`consumer_timeout`, 406), and all
/// that was delivered on it comes again. Whoever is half way there is warned of.
struct UnsettledDeliveries {
    struct Overdue: Equatable {
        let tag: UInt64
        let messageID: String?
        let age: Duration
    }

    private struct Entry {
        let messageID: String?
        let since: ContinuousClock.Instant
        var isTold = false
    }

    private var entries: [UInt64: Entry] = [:]

    var count: Int { self.entries.count }

    mutating func add(_ tag: UInt64, messageID: String?, at now: ContinuousClock.Instant) {
        self.entries[tag] = Entry(messageID: messageID, since: now)
    }

    mutating func settle(_ tag: UInt64) { self.entries[tag] = nil }

    mutating func removeAll() { self.entries = [:] }

    /// Those that have been unsettled for at least `limit`, each once, the oldest first.
    mutating func overdue(at now: ContinuousClock.Instant, limit: Duration) -> [Overdue] {
        var overdue: [Overdue] = []
        for (tag, entry) in self.entries where !entry.isTold && entry.since.duration(to: now) >= limit {
            self.entries[tag]?.isTold = true
            overdue.append(Overdue(tag: tag, messageID: entry.messageID, age: entry.since.duration(to: now)))
        }
        return overdue.sorted { $0.tag < $1.tag }
    }
}
