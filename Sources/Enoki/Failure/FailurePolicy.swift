/// What becomes of a message whose handler failed: how often it is tried again and when, and what is done at last.
///
/// ```swift
/// EventHandler("on_charged", onFailure: .retry(upTo: 10, .fixed(.seconds(30))), onCharged)
/// EventHandler("audit", of: "orders", "order.#", onFailure: .discard, audit)
/// ```
///
/// It is a value and decides alone: nothing else turns the ``Outcome`` of a call into what is done with its message.
public struct FailurePolicy: Sendable, Hashable {
    /// What is done with a message when no attempt is left.
    public enum FinalStep: Sendable, Hashable {
        /// A copy goes to the queue `<queue>.dead`, with what is known of the failure in its headers.
        case deadLetter
        /// It goes back to its place in the queue and is delivered again at once, without a limit.
        case requeue
        /// It is acknowledged; the error is in the log.
        case discard
    }

    /// How many attempts are made in all; 1 is no retry.
    public let attempts: Int
    /// How long a message waits between two attempts.
    public let backoff: Backoff
    /// Which failures are worth another attempt.
    public let retriedKinds: Set<FailureKind>
    /// What is done when no attempt is left.
    public let finalStep: FinalStep
    /// When an event handler takes no more messages for a while; `nil` is never, the default.
    public private(set) var killSwitch: KillSwitch?
    private let permanentErrors: Set<ObjectIdentifier>

    private init(
        attempts: Int,
        backoff: Backoff,
        retriedKinds: Set<FailureKind>,
        permanentErrors: [any Error.Type],
        finalStep: FinalStep
    ) {
        self.attempts = attempts
        self.backoff = backoff
        self.retriedKinds = retriedKinds
        self.permanentErrors = Set(permanentErrors.map { ObjectIdentifier($0) })
        self.finalStep = finalStep
    }

    private init(at once: FinalStep) {
        self.init(attempts: 1, backoff: .none, retriedKinds: [.error, .timeout], permanentErrors: [], finalStep: once)
    }

    /// The default of event handlers on queues that last: up to 5 attempts with 1, 2, 4 and 8 seconds between them, then the
    /// dead letters. Nothing is lost.
    public static let `default` = FailurePolicy.retry(upTo: 5)

    /// No retry: the message goes to the dead letters.
    public static let deadLetter = FailurePolicy(at: .deadLetter)

    /// No retry: the message is acknowledged and gone; the error is in the log. nameko's default.
    public static let discard = FailurePolicy(at: .discard)

    /// The message goes back to its queue and is delivered again at once, without a limit: nameko's `requeue_on_error`. One
    /// that fails permanently goes to the dead letters instead, where its queue can have them.
    public static let requeue = FailurePolicy(at: .requeue)

    /// Tries again after a while, a limited number of times.
    ///
    /// The message waits on the broker, in no worker and through any restart, and the number of attempts travels with it.
    ///
    /// - Parameters:
    ///   - attempts: How many attempts are made in all, the first included: from 1, which is no retry, to 1000.
    ///   - backoff: How long it waits between two of them; by default 1 s, doubled each time up to 300 s.
    ///   - kinds: Which failures are worth another attempt: ``FailureKind/error``, ``FailureKind/timeout`` or both.
    ///   - permanentErrors: Types of errors that no further attempt would change, as if the handler had thrown ``Reject``.
    ///   - finalStep: What is done when no attempt is left.
    public static func retry(
        upTo attempts: Int,
        _ backoff: Backoff = .exponential(),
        on kinds: Set<FailureKind> = [.error, .timeout],
        butNot permanentErrors: [any Error.Type] = [],
        finally finalStep: FinalStep = .deadLetter
    ) -> FailurePolicy {
        FailurePolicy(
            attempts: attempts,
            backoff: backoff,
            retriedKinds: kinds,
            permanentErrors: permanentErrors,
            finalStep: finalStep
        )
    }

    /// This policy for an event handler that takes no more messages for a while when most of its calls fail.
    public func pausing(_ killSwitch: KillSwitch = KillSwitch()) -> FailurePolicy {
        var policy = self
        policy.killSwitch = killSwitch
        return policy
    }

    // MARK: - Deciding

    /// Whether a call that ended so failed, as its kill switch counts; `nil` where that says nothing of other calls.
    func hasFailed(_ outcome: Outcome) -> Bool? {
        switch outcome {
        case .succeeded(let result): result is DoneBefore ? nil : false
        case .timedOut: true
        case .failed(let error): error is ClaimedElsewhere || self.kind(of: error) == .permanent ? nil : true
        case .cancelled: nil
        }
    }

    /// Whether a message may be tried again after a while.
    var canRetry: Bool { self.attempts > 1 }

    /// What to do with a delivery whose call ended with `outcome`.
    ///
    /// - Parameters:
    ///   - outcome: How the call ended.
    ///   - attempt: The number of the attempt, counted from 1.
    ///   - timeLeft: How long a caller still waits: no attempt is made after that. `nil` where nobody says.
    ///   - hasDeadLetters: Whether the queue lasts, so that it can have dead letters.
    ///   - chance: Gives numbers from 0 to 1, for jitter.
    func settlement(
        for outcome: Outcome,
        attempt: Int,
        timeLeft: Duration? = nil,
        hasDeadLetters: Bool = true,
        chance: () -> Double
    ) -> Settlement {
        let kind: FailureKind
        let reason: DeadLetterReason
        switch outcome {
        case .succeeded: return .acknowledge
        case .cancelled: return .requeue
        case .timedOut: (kind, reason) = (.timeout, .timeout)
        // Not an attempt, and so as often as it takes.
        case .failed(let error as ClaimedElsewhere): return .retry(error.wait, attempts: attempt - 1)
        case .failed(let error): (kind, reason) = (self.kind(of: error), Self.reason(of: error))
        }
        if attempt < self.attempts, let wait = self.wait(after: attempt, outcome.error, kind, chance),
            timeLeft.map({ wait.delay < $0 }) ?? true
        {
            return .retry(wait, attempts: attempt)
        }
        return self.final(kind, reason, attempt, hasDeadLetters)
    }

    /// How long to wait for another attempt; `nil` when none is worth it.
    private func wait(
        after attempt: Int,
        _ error: (any Error)?,
        _ kind: FailureKind,
        _ chance: () -> Double
    ) -> RetryDelay? {
        if let retry = error as? Retry { return RetryDelay(asked: retry.delay) }
        return self.retriedKinds.contains(kind) ? self.backoff.delay(after: attempt, chance: chance) : nil
    }

    /// What to do with a delivery that no attempt can be made with, whatever its number.
    func settlement(
        refusing reason: DeadLetterReason,
        attempt: Int,
        hasDeadLetters: Bool = true
    ) -> Settlement {
        self.final(.permanent, reason, attempt, hasDeadLetters)
    }

    /// What kind of failure `error` is.
    func kind(of error: any Error) -> FailureKind {
        let isPermanent =
            Self.reason(of: error) != .error || self.permanentErrors.contains(ObjectIdentifier(type(of: error)))
        return isPermanent ? .permanent : .error
    }

    private static func reason(of error: any Error) -> DeadLetterReason {
        switch error {
        case is Reject: .rejected
        // The next attempt would have as many calls behind it.
        case is CallChainExceeded: .loop
        default: .error
        }
    }

    private func final(
        _ kind: FailureKind,
        _ reason: DeadLetterReason,
        _ attempt: Int,
        _ hasDeadLetters: Bool
    ) -> Settlement {
        switch self.finalStep {
        case .discard: .acknowledge
        // Delivered again, it would fail again, at once and for ever.
        case .requeue where kind != .permanent: .requeue
        case .requeue, .deadLetter: hasDeadLetters ? .deadLetter(reason, attempts: attempt) : .acknowledge
        }
    }

    // MARK: - Checking

    /// Checks what no type can, before the first message.
    ///
    /// - Parameters:
    ///   - entrypoint: Whose policy it is, for the error.
    ///   - queue: The queue that its messages come from.
    /// - Throws: ``ConfigurationError`` with the reason and the remedy.
    func validate(for entrypoint: String, _ queue: Queue) throws(ConfigurationError) {
        guard (1...Self.maximumAttempts).contains(self.attempts) else {
            throw ConfigurationError(
                "\(entrypoint) is to be tried up to \(self.attempts) times: give 1 to \(Self.maximumAttempts)"
            )
        }
        if let defect = self.killSwitch?.defect {
            throw ConfigurationError("\(entrypoint) has a kill switch with \(defect)")
        }
        if let defect = self.backoff.defect { throw ConfigurationError("\(entrypoint) has a backoff with \(defect)") }
        if self.retriedKinds.isEmpty || !self.retriedKinds.isSubset(of: [.error, .timeout]) {
            throw ConfigurationError(
                "\(entrypoint) can retry errors and timeouts alone: what was cancelled is delivered again anyway, and what "
                    + "is permanent fails again. Give .error, .timeout or both"
            )
        }
        guard queue.outlivesItsConsumers || (!self.canRetry && self.finalStep != .deadLetter) else {
            throw ConfigurationError(
                "\(entrypoint) has a queue that ends with its consumers, so that a retry would find it gone, and nobody would "
                    + "look into its dead letters: use onFailure: .discard or .requeue"
                    + "\(self.killSwitch == nil ? "" : ", which can be paused too"), or a queue that lasts "
                    + "(`reliableDelivery`, for a broadcast with .hostname, .configuration(key:) or .fixed(_:))"
            )
        }
        guard self.finalStep == .discard || queue.name.utf8.count <= RetryTopology.longestQueueName else {
            throw ConfigurationError(
                "\(entrypoint) has a queue whose name is \(queue.name.utf8.count) bytes long, and that of its dead letters would "
                    + "be longer than AMQP allows: give it a shorter name, or use onFailure: .discard"
            )
        }
    }

    private static let maximumAttempts = 1000
}

extension Queue {
    /// Whether it is still there when its last consumer is gone.
    var outlivesItsConsumers: Bool { self.durable && !self.exclusive && !self.autoDelete }
}
