import EnokiBroker
import Testing

@testable import EnokiRabbitMQ

@Suite struct CallQueueTests {
    private let start = ContinuousClock.now

    private func call(until seconds: Int) -> Call {
        Call(method: .channelOpen, deadline: self.start + .seconds(seconds)) { _ in }
    }

    /// A queue with a call that nobody waits for any more, and one behind it.
    private func queue() throws -> CallQueue {
        var queue = CallQueue()
        queue.append(self.call(until: 1))
        let (expired, next) = queue.expire(at: self.start + .seconds(1))
        #expect(expired.count == 1 && next == nil)
        #expect(!expired[0].isBehindLateAnswer)
        queue.append(self.call(until: 3))
        return queue
    }

    @Test func aCallThatEndsBehindALateAnswerMakesTheBrokerSuspect() throws {
        var queue = try self.queue()
        let id = try #require(Method.channelOpen.reply)
        let late = queue.answer(id)
        #expect(late != nil && late?.complete == nil)
        let (expired, _) = queue.expire(at: self.start + .seconds(3))
        #expect(expired.map(\.isBehindLateAnswer) == [true])
    }

    @Test func aBrokerThatAnswersNothingIsSilentAndNoMore() throws {
        var queue = try self.queue()
        let (expired, _) = queue.expire(at: self.start + .seconds(3))
        #expect(expired.map(\.isBehindLateAnswer) == [false])
    }

    @Test func whatIsSentAfterALateAnswerIsNotBehindIt() throws {
        var queue = try self.queue()
        let id = try #require(Method.channelOpen.reply)
        _ = queue.answer(id)
        #expect(queue.answer(id)?.complete != nil)
        queue.append(self.call(until: 5))
        let (expired, _) = queue.expire(at: self.start + .seconds(5))
        #expect(expired.map(\.isBehindLateAnswer) == [false])
    }

    @Test func aBrokerThatWasSlowOnceAndAnswersAgainIsNotSuspect() throws {
        var queue = try self.queue()
        queue.append(self.call(until: 3))
        let id = try #require(Method.channelOpen.reply)
        // The late one, then one in time; the third is slow for a reason of its own.
        #expect(queue.answer(id)?.complete == nil)
        #expect(queue.answer(id)?.complete != nil)
        let (expired, _) = queue.expire(at: self.start + .seconds(3))
        #expect(expired.map(\.isBehindLateAnswer) == [false])
    }

    @Test func aBrokerThatStaysOutOfStepIsFoundOutAtTheNextCall() throws {
        var queue = try self.queue()
        queue.append(self.call(until: 3))
        let id = try #require(Method.channelOpen.reply)
        // Of three calls the first was never answered: each answer goes to the one before, and the last call gets none.
        _ = queue.answer(id)
        _ = queue.answer(id)
        _ = queue.expire(at: self.start + .seconds(3))
        queue.append(self.call(until: 5))
        #expect(queue.answer(id)?.complete == nil)
        let (expired, _) = queue.expire(at: self.start + .seconds(5))
        #expect(expired.map(\.isBehindLateAnswer) == [true])
    }

    private func queue(of methods: Method...) -> CallQueue {
        var queue = CallQueue()
        for method in methods { queue.append(Call(method: method, deadline: self.start) { _ in }) }
        return queue
    }

    @Test func aCloseThatIsAnsweredEndsWhatIsBeforeIt() throws {
        let consume = Method.consume(queue: "q", tag: "t", options: ConsumerOptions())
        var queue = self.queue(of: .qos(prefetch: 1), consume, .channelClose)
        let qos = try #require(Method.qos(prefetch: 1).reply)
        #expect(queue.answer(qos) != nil)
        #expect(queue.removeAllBeforeClose().map(\.method.reply) == [consume.reply])
        let close = try #require(Method.channelClose.reply)
        #expect(queue.answer(close) != nil)
        #expect(queue.isEmpty)
    }

    @Test func aCloseThatNobodyAskedForEndsNothing() throws {
        var queue = self.queue(of: .qos(prefetch: 1))
        #expect(queue.removeAllBeforeClose().isEmpty)
        let close = try #require(Method.channelClose.reply)
        #expect(queue.answer(close) == nil)
        #expect(!queue.isEmpty)
    }
}
