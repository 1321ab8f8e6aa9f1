/// Remembers in memory which messages are done: for the handlers of one process, until it ends.
///
/// ```swift
/// let store = InMemoryIdempotencyStore()
///
/// EventHandler("on_charged", idempotency: Idempotency(store: store, for: .seconds(3600)), onCharged)
/// ```
///
/// It knows at most as many messages that are done as its capacity says, and forgets the oldest first. A handler that needs no
/// store in common with others says `.inMemory(for:)`.
public final class InMemoryIdempotencyStore: IdempotencyStore {
    private let messages: Locked<RememberedMessages>
    private let now: @Sendable () -> Duration

    /// An empty store.
    ///
    /// - Parameters:
    ///   - capacity: How many messages that are done it remembers; about 300 bytes each.
    ///   - clock: By what time it forgets.
    public convenience init(capacity: Int = 100_000, clock: some Clock<Duration> = ContinuousClock()) {
        let origin = clock.now
        self.init(capacity: capacity) { origin.duration(to: clock.now) }
    }

    package init(capacity: Int, now: @escaping @Sendable () -> Duration) {
        self.messages = Locked(RememberedMessages(capacity: max(capacity, 1)))
        self.now = now
    }

    /// How many messages it knows, those in work included.
    public var count: Int { self.messages.withLock { $0.count } }

    /// Claims a message.
    public func begin(_ claim: IdempotencyClaim, lease: Duration) async -> IdempotencyAnswer {
        let now = self.now()
        return self.messages.withLock { $0.begin(claim, lease: lease, now: now) }
    }

    /// Lets claims last longer.
    public func renew(_ claims: [IdempotencyClaim], lease: Duration) async {
        let now = self.now()
        self.messages.withLock { $0.renew(claims, lease: lease, now: now) }
    }

    /// Notes a message as done.
    @discardableResult
    public func complete(_ claim: IdempotencyClaim) async -> Bool {
        let now = self.now()
        return self.messages.withLock { $0.complete(claim, now: now) }
    }

    /// Gives a claim back.
    public func release(_ claim: IdempotencyClaim) async { self.messages.withLock { $0.release(claim) } }
}
