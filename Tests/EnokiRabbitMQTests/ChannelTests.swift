import EnokiBroker
import EnokiTestSupport
import Testing

@testable import EnokiRabbitMQ

/// What a channel is when its broker closes it, decided without one.
@Suite struct ChannelTests {
    private final class User: ChannelUser {
        let unanswered = Locked<[String]>([])

        func channel(_ channel: Channel, closedWith closure: IncomingMethod.Closure, unanswered: [Call]) {
            self.unanswered.withLock { $0 = unanswered.map { "\($0.method)" } }
        }
    }

    private let user = User()
    private let channel: Channel
    private let closure = IncomingMethod.Closure(code: 406, text: "PRECONDITION_FAILED", method: 0)
    private let answers = Collector<Result<IncomingMethod.Reply, BrokerError>>()

    init() {
        let outbox = Outbox(frameMax: WireLimits.frameMax, limit: 1 << 20, waker: Waker())
        self.channel = Channel(number: 1, outbox: outbox, user: self.user)
    }

    private func call(_ method: Method) {
        self.channel.call(method, deadline: .now + .seconds(10)) { [answers] in answers.append($0) }
    }

    @Test func aChannelThatTheBrokerClosesIsGoneAndItsNumberFree() {
        self.call(.queueInspect("q"))
        #expect(self.channel.loss == nil)
        #expect(self.channel.closed(self.closure))
        #expect(self.channel.loss == .returned)
        #expect(self.user.unanswered.withLock { $0.count } == 1)
        self.call(.queueInspect("q"))
        #expect(self.answers.elements.count == 1)
    }

    @Test func itsNumberIsNotFreeBeforeACloseOfOurOwnIsAnswered() {
        self.call(.queueInspect("q"))
        self.call(.channelClose)
        #expect(self.channel.loss == .returned)
        #expect(!self.channel.closed(self.closure))
        #expect(self.user.unanswered.withLock { $0.count } == 1)
        #expect(self.channel.answered(Method.channelClose.reply ?? 0, .done))
        #expect(self.answers.elements.count == 1)
    }

    @Test func whatIsLostWithTheConnectionIsTold() {
        self.call(.queueInspect("q"))
        self.channel.lost(BrokerError(.connectionLost, "gone"))
        #expect(self.channel.loss == .uncertain)
        #expect(self.answers.elements.count == 1)
    }
}
