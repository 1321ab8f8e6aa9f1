import EnokiBroker
import Foundation
import Testing

@testable import Enoki

/// What a delivery is to a process that has had its message before: decided without a broker.
@Suite struct RedeliveriesTests {
    /// A channel that a test can lose, with what was answered on it.
    private final class Line: Sendable {
        let isOpen = Locked(true)
        let answers = Locked<[String]>([])

        func lose() { self.isOpen.withLock { $0 = false } }
        var said: [String] { self.answers.withLock { $0 } }

        func deliver(
            _ body: String,
            id: String? = "id",
            headers: Headers = [:],
            routingKey: String = "key",
            redelivered: Bool = true
        ) -> Delivery {
            Delivery(
                message: Message(body, properties: BasicProperties(headers: headers, messageID: id)),
                exchange: "exchange",
                routingKey: routingKey,
                redelivered: redelivered,
                token: DeliveryToken(loss: { self.isOpen.withLock { $0 } ? nil : .uncertain }) { answer in
                    guard self.isOpen.withLock({ $0 }) else { return }
                    self.answers.withLock { $0.append("\(body) \(answer)") }
                }
            )
        }
    }

    private let redeliveries: Redeliveries
    private let time = Locked(Duration.zero)
    private let old = Line()
    private let new = Line()

    init() { self.redeliveries = Redeliveries(prefetch: 0) { [time] in time.withLock { $0 } } }

    /// The delivery that a worker gets, from which it came.
    private func work(_ delivery: Delivery) throws -> (Delivery, Redeliveries.Origin) {
        guard case .toWork(let delivery, let origin) = self.redeliveries.take(delivery) else {
            throw NotToWork()
        }
        return (delivery, origin)
    }

    private struct NotToWork: Error {}

    private func isJoined(_ delivery: Delivery) -> Bool {
        if case .joined = self.redeliveries.take(delivery) { true } else { false }
    }

    private func isSettled(_ delivery: Delivery) -> Bool {
        if case .settled = self.redeliveries.take(delivery) { true } else { false }
    }

    @Test func aRedeliveryJoinsTheCallWhoseChannelIsGone() throws {
        let (call, origin) = try self.work(self.old.deliver("a", redelivered: false))
        #expect(origin == .first)
        self.old.lose()
        #expect(!call.token.isHeld)
        #expect(self.isJoined(self.new.deliver("a")))
        #expect(call.token.isHeld)
        call.token.settle(.ack)
        #expect(self.new.said == ["a ack"])
        #expect(self.old.said == [])
    }

    @Test func itJoinsThroughAnyNumberOfLostChannels() throws {
        let (call, _) = try self.work(self.old.deliver("a", redelivered: false))
        self.old.lose()
        for _ in 0..<3 {
            let line = Line()
            #expect(self.isJoined(line.deliver("a")))
            line.lose()
        }
        #expect(self.isJoined(self.new.deliver("a")))
        call.token.settle(.requeue)
        #expect(self.new.said == ["a requeue"])
    }

    @Test func aCallWhoseChannelLivesIsJoinedByNothing() throws {
        let (call, _) = try self.work(self.old.deliver("a", redelivered: false))
        let (other, origin) = try self.work(self.old.deliver("a"))
        #expect(origin == .others)
        other.token.settle(.ack)
        call.token.settle(.requeue)
        #expect(self.old.said == ["a ack", "a requeue"])
    }

    @Test func aMessageThatIsSentTwiceIsTwoMessages() throws {
        let (first, _) = try self.work(self.old.deliver("a", redelivered: false))
        let (second, origin) = try self.work(self.old.deliver("a", redelivered: false))
        #expect(origin == .first)
        self.old.lose()
        // Each of the two is delivered again, and found once.
        #expect(self.isJoined(self.new.deliver("a")))
        #expect(self.isJoined(self.new.deliver("a")))
        #expect(try self.work(self.new.deliver("a")).1 == .others)
        first.token.settle(.ack)
        second.token.settle(.ack)
        #expect(self.new.said == ["a requeue", "a ack", "a ack"])
    }

    @Test func whatSaysSomethingElseUnderTheSameIDIsAnotherMessage() throws {
        let (call, _) = try self.work(self.old.deliver("a", redelivered: false))
        self.old.lose()
        for other in [
            self.new.deliver("b"), self.new.deliver("a", headers: ["x-enoki-attempts": 1]),
            self.new.deliver("a", routingKey: "other"), self.new.deliver("a", id: "other"),
            self.new.deliver("a", id: nil),
        ] {
            #expect(try self.work(other).1 == .others)
        }
        call.token.settle(.ack)
    }

    @Test func whatTheBrokerCountsMakesNoOtherMessage() throws {
        let (call, _) = try self.work(self.old.deliver("a", redelivered: false))
        self.old.lose()
        #expect(self.isJoined(self.new.deliver("a", headers: ["x-delivery-count": 1])))
        call.token.settle(.ack)
    }

    @Test(arguments: [Acknowledgement.ack, .reject])
    func theRedeliveryOfACallThatHasEndedIsAnsweredAsTheFirst(_ answer: Acknowledgement) throws {
        let (call, _) = try self.work(self.old.deliver("a", redelivered: false))
        call.token.settle(answer)
        self.old.lose()
        // That answer may be lost, too.
        let line = Line()
        #expect(self.isSettled(line.deliver("a")))
        line.lose()
        #expect(self.isSettled(self.new.deliver("a")))
        #expect(self.new.said == ["a \(answer)"])
    }

    /// Such as a dead letter that is replayed twice: a duplicate is better than a loss.
    @Test(arguments: [true, false]) func whatSaysTheSameMuchLaterIsAnotherMessage(isAfterALongTime: Bool) throws {
        let (call, _) = try self.work(self.old.deliver("a", redelivered: false))
        call.token.settle(.ack)
        self.old.lose()
        if isAfterALongTime {
            self.time.withLock { $0 = .seconds(61) }
        } else {
            // Or when its publisher says it again.
            try self.work(self.new.deliver("a", redelivered: false)).0.token.settle(.ack)
        }
        #expect(try self.work(self.new.deliver("a")).1 == .others)
    }

    @Test func aCallThatEndsWhileTheChannelIsGoneAnswersTheRedelivery() throws {
        let (call, _) = try self.work(self.old.deliver("a", redelivered: false))
        self.old.lose()
        call.token.settle(.ack)
        #expect(self.isSettled(self.new.deliver("a")))
        #expect(self.new.said == ["a ack"])
    }

    @Test func anAnswerOnAChannelThatLivesAnswersNothingElse() throws {
        let (call, _) = try self.work(self.old.deliver("a", redelivered: false))
        call.token.settle(.ack)
        #expect(try self.work(self.old.deliver("a")).1 == .others)
    }

    @Test func whatWasGivenBackIsOursAndWorkedOnAgain() throws {
        let (call, _) = try self.work(self.old.deliver("a", redelivered: false))
        call.token.settle(.requeue)
        let (again, origin) = try self.work(self.old.deliver("a"))
        #expect(origin == .ours)
        self.old.lose()
        #expect(self.isJoined(self.new.deliver("a")))
        again.token.settle(.ack)
        #expect(self.new.said == ["a ack"])
        #expect(try self.work(self.new.deliver("a")).1 == .others)
    }

    /// The broker had sent it, and the channel was lost before it was here.
    @Test func whatMayHaveBeenOnItsWayIsOurs() throws {
        let redeliveries = Redeliveries(prefetch: 2) { .zero }
        func origin(_ body: String, on line: Line, redelivered: Bool = true) throws -> Redeliveries.Origin {
            guard
                case .toWork(let delivery, let origin) = redeliveries.take(
                    line.deliver(body, redelivered: redelivered)
                )
            else { throw NotToWork() }
            delivery.token.settle(.ack)
            return origin
        }
        // A process that has lost no channel has had nothing.
        #expect(try origin("a", on: self.old) == .others)
        self.old.lose()
        #expect(try origin("b", on: self.new, redelivered: false) == .first)
        #expect(try origin("c", on: self.new) == .ours)
        #expect(try origin("d", on: self.new) == .ours)
        // No more than the prefetch can have been.
        #expect(try origin("e", on: self.new) == .others)
        self.new.lose()
        #expect(try origin("f", on: Line()) == .ours)
    }

    /// RabbitMQ after a crash of its own: all that was in the queue comes as redelivered.
    @Test func ofManyUnknownInARowOnlyTheFirstMayComeFromProcessesThatDied() throws {
        let redeliveries = Redeliveries(prefetch: 30) { .zero }
        func origins(_ count: Int, redelivered: Bool = true) throws -> [Redeliveries.Origin] {
            try (0..<count).map { number in
                let delivery = self.old.deliver("\(number)", id: UUID().uuidString, redelivered: redelivered)
                guard case .toWork(let work, let origin) = redeliveries.take(delivery) else { throw NotToWork() }
                work.token.settle(.ack)
                return origin
            }
        }
        let all = try origins(100)
        #expect(all.prefix(60).allSatisfy { $0 == .others })
        #expect(all.dropFirst(60).allSatisfy { $0 == .ours })
        _ = try origins(1, redelivered: false)
        #expect(try origins(1) == [.others])
    }

    @Test func whatNobodySettledIsOursAndWorkedOnAgain() throws {
        do { _ = try self.work(self.old.deliver("a", redelivered: false)) }
        #expect(self.old.said == ["a requeue"])
        #expect(try self.work(self.old.deliver("a")).1 == .ours)
    }

    @Test func withoutAnIDACallIsJoinedButNothingIsSettledUnseen() throws {
        let (call, _) = try self.work(self.old.deliver("a", id: nil, redelivered: false))
        self.old.lose()
        #expect(self.isJoined(self.new.deliver("a", id: nil)))
        call.token.settle(.ack)
        #expect(self.new.said == ["a ack"])
        self.new.lose()
        // It may be another message that says the same.
        #expect(try self.work(Line().deliver("a", id: nil)).1 == .ours)
    }

    @Test func whatTheTransportDidNotTakeIsComparedWithNothing() throws {
        func defective(_ line: Line, redelivered: Bool) -> Delivery {
            var message = Message("", properties: BasicProperties(messageID: "id"))
            message.defect = .bodyTooLarge(size: 2, limit: 1)
            return Delivery(
                message: message,
                exchange: "",
                routingKey: "",
                redelivered: redelivered,
                token: DeliveryToken(loss: { line.isOpen.withLock { $0 } ? nil : .uncertain }) { _ in }
            )
        }
        let (call, _) = try self.work(defective(self.old, redelivered: false))
        self.old.lose()
        #expect(try self.work(defective(self.new, redelivered: true)).1 == .others)
        call.token.settle(.ack)
    }

    @Test func whatWaitsForTheRedeliveryIsDoneWhenItComes() throws {
        let done = Locked(0)
        let (call, _) = try self.work(self.old.deliver("a", redelivered: false))
        self.old.lose()
        let isHeld = call.token.isHeld { done.withLock { $0 += 1 } }
        #expect(!isHeld)
        #expect(done.withLock { $0 } == 0)
        #expect(self.isJoined(self.new.deliver("a")))
        #expect(done.withLock { $0 } == 1)
        // Held, it waits for nothing.
        #expect(call.token.isHeld { done.withLock { $0 += 1 } })
        #expect(done.withLock { $0 } == 1)
        call.token.settle(.ack)
    }

    @Test func theOldestAreForgotten() throws {
        for number in 0...1_000 {
            try self.work(self.old.deliver("\(number)", redelivered: false)).0.token.settle(.ack)
        }
        self.old.lose()
        #expect(self.isSettled(self.new.deliver("1")))
        #expect(self.isSettled(self.new.deliver("1000")))
        #expect(try self.work(self.new.deliver("0")).1 == .others)
    }

    @Test func asManyAreRememberedAsAnswersCanBeLost() throws {
        let redeliveries = Redeliveries(prefetch: 3_000) { .zero }
        for number in 0..<3_000 {
            guard case .toWork(let delivery, _) = redeliveries.take(self.old.deliver("\(number)", redelivered: false))
            else { throw NotToWork() }
            delivery.token.settle(.ack)
        }
        self.old.lose()
        guard case .settled = redeliveries.take(self.new.deliver("0")) else { throw NotToWork() }
    }

    /// Others may have got the messages that they wait for.
    @Test func callsThatWaitForARedeliveryAreForgottenTooAndGiveBackWhatTheyHold() throws {
        let isDropped = Locked(0)
        final class Guardian: Sendable {
            let onEnd: @Sendable () -> Void
            init(_ onEnd: @escaping @Sendable () -> Void) { self.onEnd = onEnd }
            deinit { self.onEnd() }
        }
        var calls: [Delivery] = []
        for number in 0..<1_010 { calls.append(try self.work(self.old.deliver("\(number)", redelivered: false)).0) }
        self.old.lose()
        for call in calls {
            let guardian = Guardian { isDropped.withLock { $0 += 1 } }
            // The call holds itself, by its token.
            _ = call.token.isHeld { withExtendedLifetime((guardian, call)) {} }
        }
        calls = []
        #expect(isDropped.withLock { $0 } == 10)
        // For the life of another channel they wait, and no longer.
        let next = try self.work(self.new.deliver("next", redelivered: false))
        #expect(isDropped.withLock { $0 } == 10)
        withExtendedLifetime(next) {}
        self.new.lose()
        try self.work(Line().deliver("last", redelivered: false)).0.token.settle(.ack)
        #expect(isDropped.withLock { $0 } == 1_010)
    }

    @Test func oldChannelsAreNotKept() throws {
        weak var channel: Line?
        do {
            let line = Line()
            channel = line
            try self.work(line.deliver("a", redelivered: false)).0.token.settle(.ack)
            line.lose()
        }
        try self.work(self.new.deliver("b", redelivered: false)).0.token.settle(.ack)
        #expect(channel == nil)
        #expect(self.isSettled(self.new.deliver("a")))
    }
}
