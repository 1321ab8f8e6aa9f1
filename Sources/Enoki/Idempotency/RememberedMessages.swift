import DequeModule

/// What an ``InMemoryIdempotencyStore`` knows, and all that it decides; it is told the time.
struct RememberedMessages {
    private enum Entry {
        case claimed(token: String, until: Duration)
        case done(number: UInt64, until: Duration)
    }

    private let capacity: Int
    private var entries: [IdempotencyKey: Entry] = [:]
    /// Those that are done, in the order in which they were done.
    private var done = Deque<(key: IdempotencyKey, number: UInt64)>()
    private var lastNumber: UInt64 = 0

    /// Remembers at most `capacity` messages that are done.
    init(capacity: Int) { self.capacity = capacity }

    /// How many it knows, those in work included.
    var count: Int { self.entries.count }

    mutating func begin(_ claim: IdempotencyClaim, lease: Duration, now: Duration) -> IdempotencyAnswer {
        self.forgetOverdue(now)
        switch self.entries[claim.key] {
        case .claimed(_, let until) where until > now: return .claimed(remaining: until - now)
        case .done(_, let until) where until > now: return .done
        case .claimed, .done, nil:
            self.entries[claim.key] = .claimed(token: claim.token, until: now + lease)
            return .begun
        }
    }

    mutating func renew(_ claims: [IdempotencyClaim], lease: Duration, now: Duration) {
        for claim in claims where self.isHeld(claim) {
            self.entries[claim.key] = .claimed(token: claim.token, until: now + lease)
        }
    }

    mutating func complete(_ claim: IdempotencyClaim, now: Duration) -> Bool {
        let wasHeld = self.isHeld(claim)
        self.lastNumber += 1
        self.entries[claim.key] = .done(number: self.lastNumber, until: now + claim.window)
        self.done.append((claim.key, self.lastNumber))
        while self.done.count > self.capacity { self.forgetFirst() }
        return wasHeld
    }

    mutating func release(_ claim: IdempotencyClaim) { if self.isHeld(claim) { self.entries[claim.key] = nil } }

    private func isHeld(_ claim: IdempotencyClaim) -> Bool {
        guard case .claimed(claim.token, _) = self.entries[claim.key] else { return false }
        return true
    }

    /// Looks at a few of the oldest: as each call adds one at most, what is overdue gets less.
    private mutating func forgetOverdue(_ now: Duration) {
        for _ in 0..<4 {
            guard let first = self.done.first else { return }
            if case .done(first.number, let until) = self.entries[first.key], until > now { return }
            self.forgetFirst()
        }
    }

    private mutating func forgetFirst() {
        // A message that was done again since, or is claimed again, is not this one's.
        guard let first = self.done.popFirst(), case .done(first.number, _) = self.entries[first.key] else { return }
        self.entries[first.key] = nil
    }
}
