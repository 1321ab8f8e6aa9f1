/// A guard for handlers that must not run twice for one message: what is done is remembered for a while, and a message that
/// comes again is acknowledged without running its handler.
///
/// ```swift
/// EventHandler("on_charged", idempotency: .inMemory(for: .seconds(3600)), onCharged)
/// EventHandler("ship", idempotency: Idempotency(store: store, for: .seconds(7 * 86_400), by: \.orderID), ship)
/// ```
///
/// A message is known by its message id, which every message of Enoki's has, or by a key that you take from the event. One that
/// has neither is handled as if there were no guard, with one warning.
///
/// Of several deliveries of a message one is worked on at a time: the others wait on the broker, and no attempt is counted. A
/// call that fails leaves no trace, so that its retry runs, and its dead letter when it is replayed.
public struct Idempotency<Payload>: Sendable {
    let plan: IdempotencyPlan
    let key: (@Sendable (Payload) throws -> String)?

    private init(_ plan: IdempotencyPlan, key: (@Sendable (Payload) throws -> String)? = nil) {
        self.plan = plan
        self.key = key
    }

    /// Remembers in `store`, by message id.
    ///
    /// - Parameters:
    ///   - store: Where; it may serve many handlers, and processes.
    ///   - window: How long after it was done.
    ///   - lease: How long a message of a process that died stays claimed, from 1 second to 1 hour. While a handler runs its
    ///     claim is renewed.
    public init(store: any IdempotencyStore, for window: Duration, lease: Duration = .seconds(30)) {
        self.init(IdempotencyPlan(place: .store(store), window: window, lease: lease))
    }

    /// Remembers in `store`, by a key from the event: for publishers that give no message id, or a new one each time.
    ///
    /// - Parameters:
    ///   - store: Where; it may serve many handlers, and processes.
    ///   - window: How long after it was done.
    ///   - lease: How long a message of a process that died stays claimed.
    ///   - key: What tells one event from another, such as `\.orderID`: its description counts, of at most 1024 bytes.
    public init<Key: CustomStringConvertible & Sendable>(
        store: any IdempotencyStore,
        for window: Duration,
        lease: Duration = .seconds(30),
        by key: @escaping @Sendable (Payload) throws -> Key
    ) {
        self.init(IdempotencyPlan(place: .store(store), window: window, lease: lease)) { try key($0).description }
    }

    /// Remembers in the memory of this instance, by message id: what a restart forgets may run once more.
    ///
    /// - Parameters:
    ///   - window: How long after it was done.
    ///   - count: How many messages it remembers; beyond that the oldest are forgotten first.
    public static func inMemory(for window: Duration, atMost count: Int = 100_000) -> Self {
        Self(IdempotencyPlan(place: .memory(capacity: count), window: window, lease: .seconds(30)))
    }

    /// Remembers in the memory of this instance, by a key from the event.
    ///
    /// - Parameters:
    ///   - window: How long after it was done.
    ///   - count: How many messages it remembers; beyond that the oldest are forgotten first.
    ///   - key: What tells one event from another: its description counts, of at most 1024 bytes.
    public static func inMemory<Key: CustomStringConvertible & Sendable>(
        for window: Duration,
        atMost count: Int = 100_000,
        by key: @escaping @Sendable (Payload) throws -> Key
    ) -> Self {
        Self(IdempotencyPlan(place: .memory(capacity: count), window: window, lease: .seconds(30))) {
            try key($0).description
        }
    }
}
