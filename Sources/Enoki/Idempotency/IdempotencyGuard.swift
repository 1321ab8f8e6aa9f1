import Logging

/// An ``Idempotency`` at work for one entrypoint: stands around its calls.
///
/// Claims come first and are settled last: what the hooks of dependency providers commit is committed before a message counts
/// as done.
final class IdempotencyGuard: Sendable {
    private let plan: IdempotencyPlan
    private let store: any IdempotencyStore
    private let queue: String
    private let timeout: Duration?
    private let timers: TimerQueue
    /// The claims of running calls, by their tokens, and until when they are renewed.
    private let active = Locked<[String: Active]>([:])
    private let hasClaims = Signal()
    private let hasWarned = Locked(false)

    private struct Active: Sendable {
        let claim: IdempotencyClaim
        let until: Duration?
    }

    /// A guard for the messages of `queue`, whose calls take at most `timeout`.
    init(_ plan: IdempotencyPlan, queue: String, timeout: Duration?, timers: TimerQueue) {
        self.plan = plan
        self.store =
            switch plan.place {
            case .store(let store): store
            case .memory(let capacity): InMemoryIdempotencyStore(capacity: capacity) { timers.now }
            }
        self.queue = queue
        self.timeout = timeout
        self.timers = timers
    }

    /// Opens the store.
    func open() async throws { try await self.store.open() }

    /// The claim that a call would make; `nil` where nothing tells its message from others.
    ///
    /// - Parameters:
    ///   - context: The context of the call.
    ///   - sender: Whom the broker has found to have sent the message.
    ///   - key: Gives the key of an event that is not known by its message id.
    func claim(
        for context: WorkerContext,
        sender: String,
        _ key: (@Sendable () throws -> String)?
    ) throws -> IdempotencyClaim? {
        guard let id = try self.id(of: context, key) else { return nil }
        return IdempotencyClaim(IdempotencyKey(queue: self.queue, sender: sender, id: id), for: self.plan.window)
    }

    /// Works on the message of a claim, unless it is done or in work elsewhere.
    ///
    /// - Parameters:
    ///   - context: The context of the call.
    ///   - claim: The claim that it needs.
    ///   - call: Its time, where that has an end.
    ///   - work: The call with its hooks.
    /// - Returns: How it ended: with success where it is done already, with ``ClaimedElsewhere`` where another works on it.
    func around(
        _ context: WorkerContext,
        _ claim: IdempotencyClaim,
        _ call: TimedCall?,
        _ work: () async -> Outcome
    ) async -> Outcome {
        let answer: IdempotencyAnswer
        do {
            answer = try await self.store.begin(claim, lease: self.plan.lease)
        } catch {
            return self.refuse(error, context, call)
        }
        switch answer {
        case .begun where Task.isCancelled:
            // Its time is over, and its outcome may be told already.
            await self.release(claim, context)
            return .cancelled
        case .begun: return await self.run(claim, context, work)
        case .done:
            context.logger.debug("\(context.entrypoint) was not called: the message is done")
            return .succeeded(DoneBefore())
        case .claimed(let remaining):
            return .failed(ClaimedElsewhere(remaining: remaining))
        }
    }

    /// The outcome of a call that was not made because its guard failed. That is why also where the call's time has passed meanwhile:
    /// not the handler took it. A stop is no failure.
    func refuse(_ error: any Error, _ context: WorkerContext, _ call: TimedCall?) -> Outcome {
        if error is CancellationError, Task.isCancelled { return .cancelled }
        context.logger.warning(
            "\(context.entrypoint) was not called: its idempotency guard failed",
            metadata: FailureText.metadata(of: error).merging(context.named) { $1 }
        )
        let isStopped = Task.isCancelled && call?.hasExpired != true
        return isStopped ? .cancelled : .failed(error)
    }

    /// What the message is known by; `nil` where nothing tells it from others.
    private func id(of context: WorkerContext, _ key: (@Sendable () throws -> String)?) throws -> String? {
        let id = try key.map { try $0() } ?? context.message?.properties.messageID ?? ""
        if id.isEmpty {
            self.warnOnce(context)
            return nil
        }
        guard id.utf8.count <= IdempotencyKey.maximumSize else {
            throw Reject(
                reason: "the key of the event is \(id.utf8.count) bytes long, and an idempotency guard takes at most "
                    + "\(IdempotencyKey.maximumSize)"
            )
        }
        return id
    }

    private func warnOnce(_ context: WorkerContext) {
        let hasWarned = self.hasWarned.withLock { hasWarned in
            defer { hasWarned = true }
            return hasWarned
        }
        guard !hasWarned else { return }
        context.logger.warning(
            """
            \(context.entrypoint) gets messages without an id, which are handled each time that they come: give the guard a \
            key of the event (`by:`), or have the publisher set message_id
            """,
            metadata: context.named
        )
    }

    // MARK: - Running calls

    private func run(
        _ claim: IdempotencyClaim,
        _ context: WorkerContext,
        _ work: () async -> Outcome
    ) async -> Outcome {
        // One that ignores the end of its time is not to keep its message for ever.
        let until = self.timeout.map { self.timers.now + $0 }
        self.active.withLock { $0[claim.token] = Active(claim: claim, until: until) }
        self.hasClaims.signal()
        let outcome = await IdempotencyClaim.$current.withValue(claim) { await work() }
        if case .succeeded = outcome { await self.complete(claim, context) } else { await self.release(claim, context) }
        self.active.withLock { $0[claim.token] = nil }
        return outcome
    }

    /// A message that cannot be noted as done is acknowledged all the same: trying it again would run its handler twice for
    /// certain, and so does only one that comes again by itself.
    private func complete(_ claim: IdempotencyClaim, _ context: WorkerContext) async {
        do {
            guard try await !self.store.complete(claim) else { return }
            context.logger.warning(
                """
                \(context.entrypoint) lost its claim while it ran, and the message may have been handled twice: the lease of \
                \(self.plan.lease) ended because it was not renewed
                """,
                metadata: context.named
            )
        } catch {
            context.logger.error(
                "\(context.entrypoint) has done a message that could not be noted as done: if it comes again it is handled again",
                metadata: FailureText.metadata(of: error).merging(context.named) { $1 }
            )
        }
    }

    private func release(_ claim: IdempotencyClaim, _ context: WorkerContext) async {
        do {
            try await self.store.release(claim)
        } catch {
            context.logger.warning(
                "a claim could not be given back: the message waits until its lease of \(self.plan.lease) ends",
                metadata: FailureText.metadata(of: error).merging(context.named) { $1 }
            )
        }
    }

    /// Renews the claims of running calls, until the task is cancelled.
    func run(logger: Logger) async {
        while !Task.isCancelled {
            await self.hasClaims.wait()
            while !Task.isCancelled, self.active.withLock({ !$0.isEmpty }) {
                await self.sleep(self.plan.lease / 3)
                await self.renew(logger)
            }
        }
    }

    private func renew(_ logger: Logger) async {
        let now = self.timers.now
        let claims = self.active.withLock { active in
            active.values.filter { $0.until.map { now < $0 } ?? true }.map(\.claim)
        }
        guard !claims.isEmpty else { return }
        do {
            try await self.store.renew(claims, lease: self.plan.lease)
        } catch {
            logger.warning(
                "claims could not be renewed: messages in work may be handled twice if they come again",
                metadata: [LoggingKeys.error: "\(FailureText.text(of: error))", "claims": "\(claims.count)"]
            )
        }
    }

    private func sleep(_ time: Duration) async {
        let isOver = Latch()
        let timer = self.timers.schedule(after: time) { isOver.open() }
        await isOver.wait()
        self.timers.cancel(timer)
    }
}
