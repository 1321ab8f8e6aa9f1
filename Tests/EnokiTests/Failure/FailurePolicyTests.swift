import EnokiBroker
import Testing

@testable import Enoki

/// What is decided, of every outcome by every kind of policy.
@Suite struct FailurePolicyTests {
    private struct Unlucky: Error {}
    private struct Hopeless: Error {}

    private func settlement(
        _ policy: FailurePolicy,
        _ outcome: Outcome,
        attempt: Int = 1,
        hasDeadLetters: Bool = true
    ) -> Settlement {
        policy.settlement(for: outcome, attempt: attempt, hasDeadLetters: hasDeadLetters) { 0 }
    }

    private static let policies: [FailurePolicy] = [
        .default, .deadLetter, .discard, .requeue, .retry(upTo: 3, .none), .retry(upTo: 3, on: [.timeout]),
        .retry(upTo: 2, finally: .requeue), .retry(upTo: 2, finally: .discard),
    ]

    @Test(arguments: Self.policies) func successIsAcknowledgedAndCancellationRequeued(_ policy: FailurePolicy) {
        for attempt in [1, 2, 3, 1000] {
            #expect(self.settlement(policy, .succeeded(1), attempt: attempt) == .acknowledge)
            #expect(self.settlement(policy, .cancelled, attempt: attempt) == .requeue)
        }
    }

    @Test func theDefaultMakesFiveAttemptsAndThenADeadLetter() {
        let settlements = (1...5).map { self.settlement(.default, .failed(Unlucky()), attempt: $0) }
        let waits = [1, 2, 4, 8].enumerated().map { number, seconds in
            let wait = RetryDelay(step: .seconds(seconds), delay: .seconds(seconds))
            return Settlement.retry(wait, attempts: number + 1)
        }
        #expect(settlements == waits + [.deadLetter(.error, attempts: 5)])
    }

    @Test func theFinalStepIsTakenAfterTheLastAttempt() {
        let wait = RetryDelay.none
        for (final, expected) in [
            (FailurePolicy.FinalStep.deadLetter, Settlement.deadLetter(.error, attempts: 2)), (.requeue, .requeue),
            (.discard, .acknowledge),
        ] {
            let policy = FailurePolicy.retry(upTo: 2, .none, finally: final)
            #expect(self.settlement(policy, .failed(Unlucky()), attempt: 1) == .retry(wait, attempts: 1))
            #expect(self.settlement(policy, .failed(Unlucky()), attempt: 2) == expected)
            #expect(self.settlement(policy, .failed(Unlucky()), attempt: 3).isFinal)
        }
    }

    @Test func withoutRetriesTheFinalStepIsTakenAtOnce() {
        #expect(self.settlement(.deadLetter, .failed(Unlucky())) == .deadLetter(.error, attempts: 1))
        #expect(self.settlement(.requeue, .failed(Unlucky())) == .requeue)
        #expect(self.settlement(.discard, .failed(Unlucky())) == .acknowledge)
    }

    @Test func oneAttemptIsNoRetry() {
        let policy = FailurePolicy.retry(upTo: 1)
        #expect(!policy.canRetry)
        #expect(self.settlement(policy, .failed(Unlucky())) == .deadLetter(.error, attempts: 1))
    }

    @Test func onlyTheKindsThatThePolicyNamesAreRetried() {
        let policy = FailurePolicy.retry(upTo: 3, .none, on: [.timeout])
        #expect(self.settlement(policy, .failed(Unlucky())) == .deadLetter(.error, attempts: 1))
        let timeout = Outcome.timedOut(HandlerTimeout(entrypoint: "e", timeout: .seconds(1)))
        #expect(self.settlement(policy, timeout) == .retry(.none, attempts: 1))
        #expect(self.settlement(policy, timeout, attempt: 3) == .deadLetter(.timeout, attempts: 3))
        #expect(self.settlement(.retry(upTo: 3, on: [.error]), timeout) == .deadLetter(.timeout, attempts: 1))
        #expect(policy.kind(of: Unlucky()) == .error)
        #expect(policy.kind(of: Reject(reason: "")) == .permanent)
    }

    @Test func noAttemptIsMadeAfterTheCallersTime() {
        let policy = FailurePolicy.retry(upTo: 5, .fixed(.seconds(1)))
        func settlement(_ left: Duration?, _ error: any Error = Unlucky()) -> Settlement {
            policy.settlement(for: .failed(error), attempt: 1, timeLeft: left) { 0 }
        }
        let wait = RetryDelay(step: .seconds(1), delay: .seconds(1))
        #expect(settlement(nil) == .retry(wait, attempts: 1))
        #expect(settlement(.seconds(1.001)) == .retry(wait, attempts: 1))
        #expect(settlement(.seconds(1)) == .deadLetter(.error, attempts: 1))
        #expect(settlement(.seconds(-1)) == .deadLetter(.error, attempts: 1))
        #expect(settlement(.seconds(20), Retry(after: .seconds(30))) == .deadLetter(.error, attempts: 1))
    }

    @Test func aRejectionIsNeverRetried() {
        for attempt in 1...5 {
            #expect(
                self.settlement(.default, .failed(Reject(reason: "no")), attempt: attempt)
                    == .deadLetter(.rejected, attempts: attempt)
            )
        }
        #expect(self.settlement(.discard, .failed(Reject(reason: "no"))) == .acknowledge)
        // Requeued it would come back at once, and for ever.
        #expect(self.settlement(.requeue, .failed(Reject(reason: "no"))) == .deadLetter(.rejected, attempts: 1))
    }

    @Test func anErrorThatThePolicyCallsPermanentIsNeverRetried() {
        let policy = FailurePolicy.retry(upTo: 3, .none, butNot: [Hopeless.self])
        #expect(self.settlement(policy, .failed(Hopeless())) == .deadLetter(.error, attempts: 1))
        #expect(self.settlement(policy, .failed(Unlucky())) == .retry(.none, attempts: 1))
        #expect(policy.kind(of: Hopeless()) == .permanent)
    }

    @Test func aHandlerChoosesItsOwnDelayButNotTheNumberOfAttempts() {
        let retry = Outcome.failed(Retry(after: .seconds(30)))
        let wait = RetryDelay(step: .seconds(30), delay: .seconds(30))
        #expect(self.settlement(.default, retry, attempt: 4) == .retry(wait, attempts: 4))
        #expect(self.settlement(.default, retry, attempt: 5) == .deadLetter(.error, attempts: 5))
        #expect(self.settlement(.discard, retry) == .acknowledge)
        #expect(self.settlement(.retry(upTo: 3, on: [.timeout]), retry) == .retry(wait, attempts: 1))
    }

    @Test(arguments: DeadLetterReason.allCases) func whatIsRefusedIsNeverRetriedNorRequeued(_ reason: DeadLetterReason)
    {
        for policy in [FailurePolicy.default, .deadLetter, .requeue, .retry(upTo: 2, finally: .requeue)] {
            #expect(policy.settlement(refusing: reason, attempt: 1) == .deadLetter(reason, attempts: 1))
        }
        #expect(FailurePolicy.discard.settlement(refusing: reason, attempt: 1) == .acknowledge)
    }

    @Test(arguments: Self.policies) func aQueueThatEndsWithItsConsumersHasNoDeadLetters(_ policy: FailurePolicy) {
        #expect(policy.settlement(refusing: .malformed, attempt: 1, hasDeadLetters: false) == .acknowledge)
        let settlement = self.settlement(policy, .failed(Reject(reason: "")), hasDeadLetters: false)
        #expect(settlement == .acknowledge)
    }

    @Test func theReasonSaysWhyAMessageIsUnreadable() throws {
        var properties = BasicProperties(contentType: "text/plain")
        let error = #expect(throws: UnreadableMessage.self) { try Codecs.json.codec(for: properties) }
        #expect(DeadLetterReason(unreadable: try #require(error)) == .unsupportedContent)
        properties.contentType = "application/json"
        let decoding = #expect(throws: DecodingError.self) {
            try Codecs.json.codec(for: properties).decode(Int.self, from: Array("{".utf8))
        }
        #expect(DeadLetterReason(unreadable: try #require(decoding)) == .malformed)
    }

    // MARK: - Checks at start

    private func refusal(_ policy: FailurePolicy, _ queue: Queue = Queue("q")) -> String? {
        do {
            try policy.validate(for: "handler", queue)
            return nil
        } catch {
            return error.message
        }
    }

    @Test(arguments: Self.policies) func whatCanWorkIsAccepted(_ policy: FailurePolicy) {
        #expect(self.refusal(policy) == nil)
    }

    @Test(arguments: [0, -1, 1001, Int.max, Int.min]) func anImpossibleNumberOfAttemptsIsRefused(_ attempts: Int) {
        #expect(self.refusal(.retry(upTo: attempts))?.contains("up to \(attempts) times") == true)
    }

    @Test func aBackoffThatCannotWorkIsRefused() {
        #expect(
            self.refusal(.retry(upTo: 2, .fixed(.seconds(1), jitter: 0.5)))
                == "handler has a backoff with a jitter of 0.5: give 0 to 0.1"
        )
    }

    @Test(arguments: [[], [.permanent], [.error, .cancelled]] as [Set<FailureKind>])
    func kindsThatCannotBeRetriedAreRefused(_ kinds: Set<FailureKind>) {
        #expect(self.refusal(.retry(upTo: 2, on: kinds))?.contains("can retry errors and timeouts alone") == true)
    }

    @Test(arguments: [
        Queue("q", exclusive: true, autoDelete: true), Queue("q", autoDelete: true), Queue("q", durable: false),
    ])
    func aQueueThatEndsWithItsConsumersIsNeitherRetriedNorDeadLettered(_ queue: Queue) {
        for policy in [FailurePolicy.default, .deadLetter, .retry(upTo: 2, finally: .discard)] {
            #expect(self.refusal(policy, queue)?.contains("use onFailure: .discard or .requeue") == true)
        }
        #expect(self.refusal(.discard, queue) == nil)
        #expect(self.refusal(.requeue, queue) == nil)
    }

    @Test func theNameOfTheDeadLettersMustFitIntoAMQP() {
        let long = Queue(String(repeating: "x", count: 251))
        #expect(self.refusal(.default, long)?.contains("251 bytes") == true)
        #expect(self.refusal(.discard, long) == nil)
        #expect(self.refusal(.default, Queue(String(repeating: "x", count: 250))) == nil)
    }
}

extension Settlement {
    fileprivate var isFinal: Bool { if case .retry = self { false } else { true } }
}
