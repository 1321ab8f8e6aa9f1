import Testing

@testable import Enoki

/// What the store in memory decides, without any clock.
@Suite struct RememberedMessagesTests {
    /// Messages behind a reference, which an expectation can ask.
    private final class Memory {
        private var messages: RememberedMessages

        init(capacity: Int) { self.messages = RememberedMessages(capacity: capacity) }

        var count: Int { self.messages.count }

        func begin(_ claim: IdempotencyClaim, now: Duration = .zero) -> IdempotencyAnswer {
            self.messages.begin(claim, lease: .seconds(30), now: now)
        }

        func complete(_ claim: IdempotencyClaim, now: Duration = .zero) -> Bool {
            self.messages.complete(claim, now: now)
        }
    }

    private func claim(_ id: String, window: Duration = .seconds(100)) -> IdempotencyClaim {
        IdempotencyClaim(IdempotencyKey(queue: "q", sender: "", id: id), for: window)
    }

    @Test func knowsAtMostAsManyAsItsCapacityAndForgetsTheOldestFirst() {
        let messages = Memory(capacity: 3)
        for number in 1...5 {
            let claim = self.claim("\(number)")
            #expect(messages.begin(claim) == .begun)
            #expect(messages.complete(claim))
        }
        #expect(messages.count == 3)
        let answers = (1...5).map { messages.begin(self.claim("\($0)")) }
        #expect(answers == [.begun, .begun, .done, .done, .done])
    }

    @Test func neverForgetsAClaimForLackOfRoom() {
        let messages = Memory(capacity: 1)
        let claim = self.claim("slow")
        _ = messages.begin(claim)
        for number in 1...100 {
            let other = self.claim("\(number)")
            _ = messages.begin(other)
            _ = messages.complete(other)
        }
        #expect(messages.begin(self.claim("slow")) == .claimed(remaining: .seconds(30)))
        #expect(messages.complete(claim))
    }

    @Test func whatIsOverIsForgottenAFewAtATime() {
        let messages = Memory(capacity: 1000)
        for number in 1...100 {
            let claim = self.claim("\(number)", window: .seconds(10))
            _ = messages.begin(claim)
            _ = messages.complete(claim)
        }
        for number in 1...50 {
            let claim = self.claim("later \(number)")
            _ = messages.begin(claim, now: .seconds(10))
            _ = messages.complete(claim, now: .seconds(10))
        }
        #expect(messages.count == 50)
    }

    @Test func aMessageThatIsDoneAgainIsRememberedForItsLaterWindow() {
        let messages = Memory(capacity: 1000)
        for time in [0, 100] {
            let claim = self.claim("m")
            #expect(messages.begin(claim, now: .seconds(time)) == .begun)
            _ = messages.complete(claim, now: .seconds(time))
        }
        #expect(messages.begin(self.claim("m"), now: .seconds(199)) == .done)
        #expect(messages.begin(self.claim("m"), now: .seconds(200)) == .begun)
    }
}

@Suite struct IdempotencyKeyTests {
    @Test func keysAreComparedByTheirBytes() {
        let composed = IdempotencyKey(queue: "q", sender: "", id: "caf\u{E9}")
        let decomposed = IdempotencyKey(queue: "q", sender: "", id: "cafe\u{301}")
        #expect(composed.id == decomposed.id)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
    }

    @Test func noPartRunsIntoAnother() {
        let keys = [
            IdempotencyKey(queue: "a", sender: "b", id: "c"), IdempotencyKey(queue: "ab", sender: "", id: "c"),
            IdempotencyKey(queue: "a", sender: "", id: "bc"), IdempotencyKey(queue: "", sender: "ab", id: "c"),
        ]
        #expect(Set(keys).count == keys.count)
    }

    @Test func aDescriptionHidesTheIDWhichMayBeAValueOfTheMessage() {
        #expect("\(IdempotencyKey(queue: "q", sender: "", id: "4711"))" == "a message of queue 'q'")
    }
}
