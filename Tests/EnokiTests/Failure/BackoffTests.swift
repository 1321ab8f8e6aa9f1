import Testing

@testable import Enoki

@Suite struct BackoffTests {
    private func steps(_ backoff: Backoff, _ count: Int = 6) -> [Duration] {
        (1...count).map { backoff.step(after: $0) }
    }

    @Test func noneIsAtOnce() {
        #expect(self.steps(.none, 2) == [.zero, .zero])
        #expect(Backoff.none.delay(after: 1) { 1 } == .none)
    }

    @Test func fixedStaysTheSame() {
        #expect(
            self.steps(.fixed(.milliseconds(1500)), 3) == [
                .milliseconds(1500), .milliseconds(1500), .milliseconds(1500),
            ]
        )
    }

    @Test func linearGrowsByTheFirstOrByItsIncrementUpToItsMaximum() {
        #expect(
            self.steps(.linear(from: .seconds(2), maximum: .seconds(7)), 5)
                == [.seconds(2), .seconds(4), .seconds(6), .seconds(7), .seconds(7)]
        )
        #expect(
            self.steps(.linear(from: .seconds(2), by: .seconds(1)), 3) == [.seconds(2), .seconds(3), .seconds(4)]
        )
        #expect(self.steps(.linear(from: .seconds(2), by: .zero), 2) == [.seconds(2), .seconds(2)])
    }

    @Test func exponentialDoublesUpToItsMaximum() {
        let seconds = (1...11).map { Backoff.exponential().step(after: $0) }
        #expect(seconds == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map { .seconds($0) })
        #expect(
            self.steps(.exponential(from: .seconds(1), factor: 1.5), 3) == [
                .seconds(1), .milliseconds(1500), .milliseconds(2250),
            ]
        )
    }

    @Test(arguments: [1, 2, 10, 64, 1000, Int.max]) func noAttemptOverflows(_ attempt: Int) {
        #expect(Backoff.exponential(factor: 10).step(after: attempt) <= .seconds(300))
        #expect(Backoff.exponential(factor: .greatestFiniteMagnitude).step(after: attempt) <= .seconds(300))
        #expect(Backoff.linear(from: RetryDelay.longest).step(after: attempt) <= .seconds(300))
        #expect(
            Backoff.exponential(from: RetryDelay.longest, maximum: RetryDelay.longest).step(after: attempt)
                <= RetryDelay.longest
        )
    }

    @Test func anAttemptThatIsNoneCountsAsTheFirst() {
        #expect(Backoff.exponential().step(after: 0) == .seconds(1))
        #expect(Backoff.exponential().step(after: .min) == .seconds(1))
    }

    @Test func jitterAddsAShareOfTheStepAndLeavesTheStep() {
        let backoff = Backoff.exponential(from: .seconds(10), jitter: 0.1)
        #expect(backoff.delay(after: 1) { 0 } == RetryDelay(step: .seconds(10), delay: .seconds(10)))
        #expect(backoff.delay(after: 1) { 0.5 } == RetryDelay(step: .seconds(10), delay: .milliseconds(10_500)))
        #expect(backoff.delay(after: 1) { 1 } == RetryDelay(step: .seconds(10), delay: .seconds(11)))
        // A generator that lies changes nothing.
        #expect(backoff.delay(after: 1) { 7 }.delay == .seconds(11))
        #expect(backoff.delay(after: 1) { -7 }.delay == .seconds(10))
    }

    @Test func jitterSpreadsOverItsWholeRange() {
        let delays = (0..<1000).map { _ in
            Backoff.fixed(.seconds(100), jitter: 0.1).delay(after: 1) { .random(in: 0...1) }.delay
        }
        #expect(delays.allSatisfy { $0 >= .seconds(100) && $0 <= .seconds(110) })
        #expect(delays.contains { $0 < .seconds(101) })
        #expect(delays.contains { $0 > .seconds(109) })
    }

    @Test(arguments: [
        Backoff.fixed(.zero), .fixed(.seconds(-1)), .fixed(.microseconds(1)), .fixed(.seconds(1), jitter: -0.1),
        .fixed(.seconds(1), jitter: 0.11), .fixed(.seconds(1), jitter: .nan),
        .fixed(RetryDelay.longest + .milliseconds(1)),
        .linear(from: .zero), .linear(from: .seconds(1), by: .seconds(-1)), .linear(from: .seconds(1), maximum: .zero),
        .exponential(from: .zero), .exponential(factor: 0.9), .exponential(factor: .infinity),
        .exponential(factor: .nan),
        .exponential(maximum: .seconds(-1)), .exponential(jitter: 1),
    ])
    func whatCannotWorkIsADefect(_ backoff: Backoff) { #expect(backoff.defect != nil) }

    @Test(arguments: [
        Backoff.none, .fixed(.milliseconds(1)), .fixed(RetryDelay.longest, jitter: 0.1),
        .linear(from: .seconds(1), by: .zero),
        .exponential(), .exponential(factor: 1), .exponential(from: .seconds(10), maximum: .seconds(1)),
    ])
    func whatCanWorkIsNone(_ backoff: Backoff) { #expect(backoff.defect == nil) }

    @Test(arguments: [
        (0, 0), (1, 1), (99, 99), (100, 100), (101, 110), (999, 1000), (1000, 1000), (1001, 1100), (1234, 1300),
        (30_000, 30_000), (61_000, 61_000), (61_001, 62_000), (-5, 0),
    ])
    func aDelayThatAHandlerAsksForIsRoundedUpToTwoDigits(_ asked: Int, _ milliseconds: Int) {
        let delay = RetryDelay(asked: .milliseconds(asked))
        #expect(delay == RetryDelay(step: .milliseconds(milliseconds), delay: .milliseconds(milliseconds)))
    }

    @Test func noDelayThatAHandlerAsksForIsLongerThanTheBrokerCanHold() {
        for asked in [Duration.seconds(Int64.max), .seconds(4_000_000_000), RetryDelay.longest] {
            #expect(RetryDelay(asked: asked).delay <= WireLimits.longestTime)
        }
    }
}
