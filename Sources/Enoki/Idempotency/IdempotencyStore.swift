/// Remembers which messages are done, and who works on one.
///
/// One store may serve any number of handlers, services and processes. It measures time by a clock of its own, and forgets
/// what is over without being asked, at a cost per call that has a bound.
///
/// What it does must go through when the calling task is cancelled: the effects of the handler are there already. An error of
/// ``begin(_:lease:)`` fails the attempt, so that no message is worked on unguarded; it is the reason of the failure also where the
/// call's time is over by then.
public protocol IdempotencyStore: Sendable {
    /// Makes it usable. Called before the first message, by each handler that uses the store.
    ///
    /// - Throws: Why it cannot be used; the service does not start.
    func open() async throws

    /// Claims a message, for as long as `lease` unless the claim is renewed: that of a process that died ends by itself.
    ///
    /// Of any number that begin at once, in whatever processes, one gets ``IdempotencyAnswer/begun``.
    func begin(_ claim: IdempotencyClaim, lease: Duration) async throws -> IdempotencyAnswer

    /// Lets claims last until `lease` from now; those that others have taken over meanwhile are left alone.
    func renew(_ claims: [IdempotencyClaim], lease: Duration) async throws

    /// Notes a message as done, durably where the store is, for the window of the claim from now on. Whoever has the claim by
    /// now: the work is done.
    ///
    /// - Returns: Whether the claim was still held; false where its lease had ended and another has taken it over or is done.
    @discardableResult
    func complete(_ claim: IdempotencyClaim) async throws -> Bool

    /// Gives a claim back: the message is not done and may be begun again, now. Nothing happens where the claim is not held any
    /// more, or the message is done.
    func release(_ claim: IdempotencyClaim) async throws
}

extension IdempotencyStore {
    /// Returns at once.
    public func open() async throws {}
}
