import EnokiBroker
import EnokiTestTraits
import Testing

@testable import EnokiRabbitMQ

@Suite struct ConfirmRingTests {
    private let start = ContinuousClock.now

    private func publication(
        _ exchange: String = "x",
        key: String = "k",
        mandatory: Bool = false,
        messageID: String? = nil,
        after seconds: Int = 30
    ) throws -> Publication {
        try Publication(
            Message("", properties: BasicProperties(messageID: messageID)),
            to: exchange,
            routingKey: key,
            mandatory: mandatory,
            deadline: self.start + .seconds(seconds),
            maxBodySize: 100
        ) { _ in }
    }

    private func ring(_ publications: [Publication], again: Set<Int> = []) -> ConfirmRing {
        var ring = ConfirmRing()
        for (index, publication) in publications.enumerated() {
            let outgoing = Outgoing(publication: publication, mayHaveArrived: again.contains(index))
            ring.append(outgoing, at: UInt64(index) * 10..<UInt64(index + 1) * 10)
        }
        return ring
    }

    /// Which of `publications` were told what.
    private func told(_ completions: [ConfirmRing.Completion], _ publications: [Publication]) -> [Int: PublishResult] {
        var told: [Int: PublishResult] = [:]
        for completion in completions {
            let index = publications.firstIndex { $0 === completion.publication } ?? -1
            #expect(told[index] == nil, "told twice")
            told[index] = completion.result
        }
        return told
    }

    private func code(_ result: PublishResult?) -> BrokerError.Code? {
        if case .failed(let error) = result { error.code } else { nil }
    }

    @Test func itKnowsHowMuchTheBrokerHasNotAnswered() throws {
        let publications = try (0..<6).map { _ in try self.publication() }
        var ring = self.ring(publications)
        let size = publications[0].estimatedSize
        #expect(ring.unanswered == 6)
        #expect(ring.unansweredBytes == 6 * size)
        var completions: [ConfirmRing.Completion] = []
        ring.settle(tag: 3, multiple: false, refused: false, into: &completions)
        ring.settle(tag: 3, multiple: false, refused: false, into: &completions)
        ring.settle(tag: 4, multiple: true, refused: true, into: &completions)
        #expect(ring.unanswered == 2)
        #expect(ring.unansweredBytes == 2 * size)
        // One never left, the other may still be answered.
        _ = ring.expire(at: self.start + .seconds(60), withdraw: { $0.lowerBound == 40 }, into: &completions)
        #expect(ring.unanswered == 1)
        _ = ring.lose(BrokerError(.connectionLost, ""), neverLeft: { _ in false })
        #expect(ring.unanswered == 0)
        #expect(ring.unansweredBytes == 0)
    }

    @Test func whereTheBrokerNamesNobodyAllThatIsUnansweredIsSuspect() throws {
        let closure = IncomingMethod.Closure(
            code: 406,
            text: "PRECONDITION_FAILED - user_id property set to 'x'",
            method: 0
        )
        let named = IncomingMethod.Closure(code: 404, text: "NOT_FOUND - no exchange 'x' in vhost '/'", method: 0)
        var ring = self.ring(try (0..<3).map { _ in try self.publication() })
        #expect(ring.suspects(of: closure) == 3)
        // It may have been deleted after the first of them.
        #expect(ring.suspects(of: named) == 3)
        var completions: [ConfirmRing.Completion] = []
        ring.settle(tag: 2, multiple: true, refused: false, into: &completions)
        // It is the only one.
        #expect(ring.suspects(of: closure) == 0)
    }

    @Test(.ownThread) func oneThatIsNotAnsweredKeepsNoOthersAlive() throws {
        let publications = try (0..<3).map { _ in try self.publication() }
        var ring = self.ring([publications[0]])
        var completions: [ConfirmRing.Completion] = []
        for tag in 2...50_000 as ClosedRange<UInt64> {
            ring.append(Outgoing(publication: publications[1]), at: 0..<10)
            ring.settle(tag: tag, multiple: false, refused: false, into: &completions)
            #expect(ring.kept <= ConfirmRing.mostSettled + 2)
        }
        #expect(completions.count == 49_999 && ring.unanswered == 1)
        // Numbers that are gone are nobody's, and those that are left are still found.
        ring.append(Outgoing(publication: publications[2]), at: 0..<10)
        completions = []
        ring.settle(tag: 2, multiple: false, refused: false, into: &completions)
        ring.settle(tag: 50_002, multiple: true, refused: false, into: &completions)
        #expect(completions.isEmpty)
        ring.settle(tag: 50_001, multiple: false, refused: false, into: &completions)
        ring.settle(tag: 50_000, multiple: true, refused: false, into: &completions)
        #expect(self.told(completions, publications) == [2: .confirmed, 0: .confirmed])
        #expect(ring.isIdle && ring.kept == 0)
    }

    @Test func confirmsComeSinglyInAnyOrderAndForMany() throws {
        let publications = try (0..<6).map { _ in try self.publication() }
        var ring = self.ring(publications)
        var completions: [ConfirmRing.Completion] = []
        ring.settle(tag: 3, multiple: false, refused: false, into: &completions)
        #expect(self.told(completions, publications) == [2: .confirmed])
        ring.settle(tag: 4, multiple: true, refused: false, into: &completions)
        #expect(self.told(completions, publications) == [0: .confirmed, 1: .confirmed, 2: .confirmed, 3: .confirmed])
        ring.settle(tag: 6, multiple: false, refused: true, into: &completions)
        #expect(self.code(self.told(completions, publications)[5]) == .rejected)
        #expect(!ring.isIdle)
        ring.settle(tag: 5, multiple: false, refused: false, into: &completions)
        #expect(self.told(completions, publications).count == 6)
        #expect(ring.isIdle)
    }

    @Test func unknownAndRepeatedNumbersAreNobodys() throws {
        let publications = [try self.publication(), try self.publication()]
        var ring = self.ring(publications)
        var completions: [ConfirmRing.Completion] = []
        for tag: UInt64 in [0, 3, .max] { ring.settle(tag: tag, multiple: true, refused: false, into: &completions) }
        #expect(completions.isEmpty)
        for _ in 0..<2 { ring.settle(tag: 1, multiple: false, refused: false, into: &completions) }
        #expect(completions.count == 1)
    }

    @Test func aReturnedMessageIsUnroutableOnceItIsConfirmed() throws {
        let publications = [
            try self.publication("x", key: "a", mandatory: false),
            try self.publication("x", key: "a", mandatory: true, messageID: "1"),
            try self.publication("x", key: "a", mandatory: true, messageID: "2"),
            try self.publication("x", key: "b", mandatory: true, messageID: "2"),
        ]
        var ring = self.ring(publications)
        let reason = IncomingMethod.Return(code: 312, text: "NO_ROUTE", exchange: "x", routingKey: "a")
        ring.returned(reason, BasicProperties(messageID: "2"))
        var completions: [ConfirmRing.Completion] = []
        ring.settle(tag: 4, multiple: true, refused: false, into: &completions)
        let told = self.told(completions, publications)
        #expect([told[0], told[1], told[3]] == [.confirmed, .confirmed, .confirmed])
        guard case .failed(let error) = told[2] else {
            Issue.record("not failed")
            return
        }
        #expect(error.code == .unroutable)
        for part in ["312", "NO_ROUTE", "'x'", "'a'"] { #expect(error.message.contains(part)) }
    }

    @Test func ofTheSameMessagesTheFirstIsReturnedFirst() throws {
        let publications = try (0..<3).map { _ in try self.publication(mandatory: true) }
        var ring = self.ring(publications)
        let reason = IncomingMethod.Return(code: 312, text: "NO_ROUTE", exchange: "x", routingKey: "k")
        ring.returned(reason, BasicProperties())
        ring.returned(reason, BasicProperties())
        var completions: [ConfirmRing.Completion] = []
        ring.settle(tag: 3, multiple: true, refused: false, into: &completions)
        let told = self.told(completions, publications)
        #expect(self.code(told[0]) == .unroutable)
        #expect(self.code(told[1]) == .unroutable)
        #expect(told[2] == .confirmed)
    }

    @Test func whatIsOverdueIsNotSentOrUnknownAndALateConfirmIsNobodys() throws {
        let publications = [
            try self.publication(after: 1), try self.publication(after: 9), try self.publication(after: 1),
            try self.publication(after: 9),
        ]
        var ring = self.ring(publications)
        var completions: [ConfirmRing.Completion] = []
        // The first two have left, the third is taken back, so the fourth takes its number and its place.
        let next = ring.expire(at: self.start + .seconds(2), withdraw: { $0.lowerBound >= 20 }, into: &completions)
        #expect(next == self.start + .seconds(9))
        var told = self.told(completions, publications)
        #expect(self.code(told[0]) == .outcomeUnknown)
        #expect(self.code(told[2]) == .notSent)
        #expect(told.count == 2)
        ring.settle(tag: 3, multiple: true, refused: false, into: &completions)
        told = self.told(completions, publications)
        #expect(told[1] == .confirmed)
        #expect(told[3] == .confirmed)
        #expect(told.count == 4)
    }

    @Test func aRingInWhichOnlyUnansweredMessagesAreLeftIsSpent() throws {
        let publications = [try self.publication(after: 1), try self.publication(after: 9)]
        var ring = self.ring(publications)
        let now = self.start + .seconds(2)
        #expect(!ring.isSpent(at: now))
        var completions: [ConfirmRing.Completion] = []
        _ = ring.expire(at: now, withdraw: { _ in false }, into: &completions)
        // Somebody still waits.
        #expect(!ring.isSpent(at: now))
        ring.settle(tag: 2, multiple: false, refused: false, into: &completions)
        #expect(ring.isSpent(at: now) && ring.lateAnswers == 0)
        ring.settle(tag: 1, multiple: false, refused: false, into: &completions)
        #expect(!ring.isSpent(at: now) && ring.lateAnswers == 1)
        #expect(completions.count == 2)
    }

    @Test func oneThatWasGivenUpMayBeAnsweredUntilItsTimeIsOver() throws {
        let publication = try self.publication(after: 9)
        var ring = self.ring([publication])
        var completions: [ConfirmRing.Completion] = []
        ring.giveUp(where: { $0 === publication }, withdraw: { _ in false }, into: &completions)
        #expect(self.told(completions, [publication]) == [0: .failed(.cancelledBeforeConfirm)])
        #expect(!ring.isSpent(at: self.start))
        let next = ring.expire(at: self.start, withdraw: { _ in false }, into: &completions)
        #expect(next == self.start + .seconds(9))
        #expect(ring.isSpent(at: self.start + .seconds(9)))
        #expect(completions.count == 1)
    }

    @Test func aMessageThatWasTakenBackMovesTheOthersUp() throws {
        let publications = [try self.publication(after: 1), try self.publication(after: 2)]
        var ring = self.ring(publications)
        var completions: [ConfirmRing.Completion] = []
        _ = ring.expire(at: self.start + .seconds(1), withdraw: { _ in true }, into: &completions)
        var ranges: [Range<UInt64>] = []
        _ = ring.expire(
            at: self.start + .seconds(2),
            withdraw: {
                ranges.append($0)
                return true
            },
            into: &completions
        )
        #expect(ranges == [0..<10])
        #expect(ring.isIdle)
    }

    @Test func whatIsLostIsSentAgainOnce() throws {
        let publications = try (0..<5).map { _ in try self.publication() }
        var ring = self.ring(publications, again: [2, 4])
        var confirmed: [ConfirmRing.Completion] = []
        ring.settle(tag: 1, multiple: false, refused: false, into: &confirmed)
        let lost = BrokerError(.connectionLost, "reset")
        let completions = ring.lose(lost, neverLeft: { $0.lowerBound >= 30 })
        let told = self.told(completions, publications)
        #expect(told.count == 4)
        #expect(told[1] == .sendAgain(mayHaveArrived: true))
        #expect(self.code(told[2]) == .outcomeUnknown)
        #expect(told[3] == .sendAgain(mayHaveArrived: false))
        // It never left the second time: there is still but one of it.
        #expect(told[4] == .sendAgain(mayHaveArrived: true))
        let order = completions.map { completion in publications.firstIndex { $0 === completion.publication } }
        #expect(order == [1, 2, 3, 4])
        #expect(ring.isIdle)
    }

    @Test func whateverFailsTheSecondTimeTheFirstMayHaveArrived() throws {
        let publications = try (0..<4).map { _ in try self.publication(mandatory: true, after: 1) }
        var ring = self.ring(publications, again: [0, 1, 2, 3])
        var completions: [ConfirmRing.Completion] = []
        ring.settle(tag: 1, multiple: false, refused: true, into: &completions)
        ring.returned(
            IncomingMethod.Return(code: 312, text: "NO_ROUTE", exchange: "x", routingKey: "k"),
            BasicProperties()
        )
        ring.settle(tag: 2, multiple: false, refused: false, into: &completions)
        _ = ring.expire(at: self.start + .seconds(1), withdraw: { $0.lowerBound == 30 }, into: &completions)
        let told = self.told(completions, publications)
        for index in 0..<4 { #expect(self.code(told[index]) == .outcomeUnknown, "\(index)") }
        guard case .failed(let error) = told[1] else { return }
        #expect(error.message.contains("NO_ROUTE"))
    }

    @Test func aMissingExchangeFailsItsOnlyMessageAndTheOthersAreSentAgain() throws {
        let publications = try ["a", "b", "missing", "a", "b"].map { try self.publication($0) }
        var ring = self.ring(publications)
        #expect(ring.suspects(of: self.missing("missing")) == 0)
        let told = self.told(ring.close(self.missing("missing")), publications)
        #expect(told[0] == .sendAgain(mayHaveArrived: true))
        #expect(told[1] == .sendAgain(mayHaveArrived: true))
        #expect(self.code(told[2]) == .notFound)
        // The broker has not looked at them.
        #expect(told[3] == .sendAgain(mayHaveArrived: false))
        #expect(told[4] == .sendAgain(mayHaveArrived: false))
    }

    private func missing(_ exchange: String) -> IncomingMethod.Closure {
        let text = "NOT_FOUND - no exchange '\(exchange)' in vhost '/'"
        return IncomingMethod.Closure(code: 404, text: text, method: 60 << 16 | 40)
    }

    @Test func ofSeveralMessagesToAMissingExchangeNobodyKnowsWhetherItWasThereForTheFirst() throws {
        let publications = try ["a", "gone", "b", "gone", "a"].map { try self.publication($0) }
        var ring = self.ring(publications)
        // They go one at a time: all up to the last that may be guilty.
        #expect(ring.suspects(of: self.missing("gone")) == 4)
        let told = self.told(ring.close(self.missing("gone")), publications)
        for index in 0...3 { #expect(told[index] == .sendAgain(mayHaveArrived: true), "\(index)") }
        #expect(told[4] == .sendAgain(mayHaveArrived: false))
    }

    @Test func aRightThatIsMissingFailsTheFirstMessageThatNeedsIt() throws {
        let publications = try [("x", "open"), ("x", "secret"), ("x", "open"), ("x", "secret")].map {
            try self.publication($0, key: $1)
        }
        let topic = IncomingMethod.Closure(
            code: 403,
            text: "ACCESS_REFUSED - access to topic 'secret' in exchange 'x' in vhost '/' refused for user 'u'",
            method: 60 << 16 | 40
        )
        var ring = self.ring(publications)
        #expect(ring.suspects(of: topic) == 0)
        var told = self.told(ring.close(topic), publications)
        #expect(told[0] == .sendAgain(mayHaveArrived: true))
        #expect(self.code(told[1]) == .accessRefused)
        #expect(told[2] == .sendAgain(mayHaveArrived: false))
        #expect(told[3] == .sendAgain(mayHaveArrived: false))

        let exchange = IncomingMethod.Closure(
            code: 403,
            text: "ACCESS_REFUSED - access to exchange 'x' in vhost '/' refused for user 'u'",
            method: 60 << 16 | 40
        )
        ring = self.ring(publications)
        told = self.told(ring.close(exchange), publications)
        #expect(self.code(told[0]) == .accessRefused)
        for index in 1...3 { #expect(told[index] == .sendAgain(mayHaveArrived: false)) }
    }

    @Test func ofMessagesToAnExchangeThatWasDeletedMeanwhileNobodyKnows() throws {
        let publications = try ["gone", "gone", "a", "gone", "a"].map { try self.publication($0) }
        var ring = self.ring(publications)
        var completions: [ConfirmRing.Completion] = []
        ring.settle(tag: 1, multiple: false, refused: false, into: &completions)
        let closure = IncomingMethod.Closure(
            code: 404,
            text: "NOT_FOUND - no exchange 'gone' in vhost '/'",
            method: 60 << 16 | 40
        )
        let told = self.told(ring.close(closure), publications)
        for index in 1...3 { #expect(told[index] == .sendAgain(mayHaveArrived: true)) }
        #expect(told[4] == .sendAgain(mayHaveArrived: false))
    }

    @Test func anErrorThatNamesNoExchangeBlamesTheOnlyMessage() throws {
        let closure = IncomingMethod.Closure(code: 406, text: "PRECONDITION_FAILED - user_id", method: 60 << 16 | 40)
        let one = [try self.publication()]
        var ring = self.ring(one)
        #expect(self.code(self.told(ring.close(closure), one)[0]) == .preconditionFailed)
        let two = [try self.publication(), try self.publication()]
        ring = self.ring(two)
        var told = self.told(ring.close(closure), two)
        #expect(told == [0: .sendAgain(mayHaveArrived: true), 1: .sendAgain(mayHaveArrived: true)])
        // It is not sent for ever.
        ring = self.ring(two, again: [0, 1])
        told = self.told(ring.close(closure), two)
        #expect(self.code(told[0]) == .outcomeUnknown)
        #expect(self.code(told[1]) == .outcomeUnknown)
    }
}
