/// The ``IdempotencyGuard`` of an entrypoint, for one of its calls.
struct CallGuard: Sendable {
    let idempotency: IdempotencyGuard
    /// The user whom the broker has found to have sent the message.
    let sender: String?
    /// Gives the key of an event that is not known by its message id.
    let key: (@Sendable () throws -> String)?

    /// Works on the message of `context`, unless it is done or in work elsewhere.
    ///
    /// - Parameters:
    ///   - context: The context of the call.
    ///   - call: Its time, where that has an end.
    ///   - work: The call with its hooks.
    /// - Returns: How it ended: with success where it is done already, with ``ClaimedElsewhere`` where another works on it.
    func around(_ context: WorkerContext, _ call: TimedCall?, _ work: () async -> Outcome) async -> Outcome {
        let claim: IdempotencyClaim?
        do {
            claim = try self.idempotency.claim(for: context, sender: self.sender ?? "", self.key)
        } catch {
            return self.idempotency.refuse(error, context, call)
        }
        guard let claim else { return await work() }
        return await self.idempotency.around(context, claim, call, work)
    }
}
