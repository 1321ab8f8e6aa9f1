import EnokiBroker
import Testing

@testable import Enoki

/// What becomes of a message that comes back, decided without a broker.
@Suite struct DeliveryLimitTests {
    private func verdict(
        _ origin: Redeliveries.Origin,
        _ count: Int,
        limit: Int = 5,
        timeLeft: Duration? = nil,
        chance: Double = 0
    ) -> DeliveryLimit.Verdict? {
        DeliveryLimit(limit)?
            .verdict(from: origin, after: Returns(count), timeLeft: timeLeft, chance: { chance })
    }

    private func admission(
        _ origin: Redeliveries.Origin,
        _ count: Int,
        limit: Int = 5,
        timeLeft: Duration? = nil,
        isAlone: Bool
    ) -> DeliveryLimit.Admission? {
        DeliveryLimit(limit)?.admission(
            from: origin,
            after: Returns(count),
            timeLeft: timeLeft,
            enters: { _ in isAlone },
            chance: { 0 }
        )
    }

    @Test func aMessageThatComesFromAnotherProcessIsCountedAndWaitsLongerEachTime() {
        #expect(self.verdict(.others, 0) == .comeBack(RetryDelay.none, Returns(1)))
        for (count, seconds) in [1: 1, 2: 2, 3: 4, 4: 8] {
            let wait = RetryDelay(step: .seconds(seconds), delay: .seconds(seconds))
            #expect(self.verdict(.others, count) == .comeBack(wait, Returns(count + 1)))
        }
        #expect(self.verdict(.others, 5) == .giveUp)
    }

    @Test func noWaitIsLongerThanFiveMinutes() {
        let wait = RetryDelay(step: .seconds(300), delay: .seconds(330))
        #expect(self.verdict(.others, 999, limit: 1000, chance: 1) == .comeBack(wait, Returns(1000)))
    }

    @Test func aLimitOfOneAllowsOneReturn() {
        #expect(self.verdict(.others, 0, limit: 1) == .comeBack(RetryDelay.none, Returns(1)))
        #expect(self.verdict(.others, 1, limit: 1) == .giveUp)
    }

    @Test func zeroIsNoLimit() {
        #expect(DeliveryLimit(0) == nil)
    }

    @Test(arguments: [Redeliveries.Origin.first, .ours]) func whatThisProcessHasHadItselfIsNotCounted(
        _ origin: Redeliveries.Origin
    ) {
        for count in 0...5 { #expect(self.verdict(origin, count) == .work) }
    }

    @Test func whatHasComeBackTwiceIsWorkedOnAlone() {
        for origin in [Redeliveries.Origin.first, .ours] {
            #expect(self.admission(origin, 0, isAlone: false) == .after(.zero))
            // The originals have to be out of hand when a copy begins.
            #expect(self.admission(origin, 1, isAlone: false) == .after(.seconds(1)))
            #expect(self.admission(origin, 2, isAlone: true) == .after(.seconds(1)))
            let wait = RetryDelay(step: .seconds(1), delay: .seconds(1))
            for count in 2...4 {
                #expect(self.admission(origin, count, isAlone: false) == .later(wait, Returns(count)))
            }
            for count in 5...8 { #expect(self.admission(origin, count, isAlone: true) == .after(.seconds(1))) }
        }
    }

    @Test func whatIsPutOffDoesNotComeBackAllAtOnce() throws {
        let limit = try #require(DeliveryLimit(5))
        let waits = [0, 0.3, 0.4, 0.6, 0.7, 1].map { chance in
            limit.putOff(after: Returns(2), timeLeft: nil, chance: { chance })?.wait.delay
        }
        #expect(waits == [1, 1, 2, 2, 4, 4].map { .seconds($0) })
        #expect(Set(limit.steps) == Set([0, 1, 2, 4, 8].map { .seconds($0) }))
    }

    @Test func whoIsPutOffAtTheLimitHasAReturnToSpareUpToThreeTimes() throws {
        let limit = try #require(DeliveryLimit(5))
        var returns = Returns(5)
        for spared in 1...3 {
            #expect(limit.verdict(from: .others, after: returns, timeLeft: nil, chance: { 0 }) == .giveUp)
            // However often it is put off.
            for _ in 0..<3 {
                returns = try #require(limit.putOff(after: returns, timeLeft: nil, chance: { 0 })).returns
                #expect(returns == Returns(4 + spared, spared: spared))
            }
            let wait = RetryDelay(step: .seconds(8), delay: .seconds(8))
            let verdict = limit.verdict(from: .others, after: returns, timeLeft: nil, chance: { 0 })
            #expect(verdict == .comeBack(wait, Returns(5 + spared, spared: spared)))
            returns.count += 1
        }
        #expect(returns == Returns(8, spared: 3))
        #expect(limit.putOff(after: returns, timeLeft: nil, chance: { 0 })?.returns == returns)
        #expect(limit.verdict(from: .others, after: returns, timeLeft: nil, chance: { 0 }) == .giveUp)
    }

    @Test func whoHasACallerIsPutOffNoLongerThanTheCallerWaits() throws {
        let limit = try #require(DeliveryLimit(5))
        for (seconds, wait) in [(5, 4), (3, 2), (2, 1)] {
            let putOff = limit.putOff(after: Returns(2), timeLeft: .seconds(seconds), chance: { 1 })
            #expect(putOff?.wait.delay == .seconds(wait))
        }
        #expect(limit.putOff(after: Returns(2), timeLeft: .seconds(1), chance: { 1 }) == nil)
    }

    @Test func aPlaceThatIsNotNeededIsNotTaken() {
        for (origin, count) in [(Redeliveries.Origin.first, 1), (.others, 2), (.others, 5)] {
            _ = DeliveryLimit(5)?.admission(
                from: origin,
                after: Returns(count),
                timeLeft: nil,
                enters: { _ in
                    Issue.record("\(origin), \(count)")
                    return true
                },
                chance: { 0 }
            )
        }
    }

    @Test func whatHasACallerWaitsNoLongerThanTheCaller() {
        #expect(self.verdict(.others, 0, timeLeft: .milliseconds(1)) == .comeBack(RetryDelay.none, Returns(1)))
        #expect(self.verdict(.others, 2, timeLeft: .seconds(2)) == .comeBack(.none, Returns(3)))
        #expect(self.verdict(.others, 5, timeLeft: .seconds(2)) == .giveUp)
        let wait = RetryDelay(step: .seconds(2), delay: .seconds(2))
        #expect(self.verdict(.others, 2, timeLeft: .milliseconds(2001)) == .comeBack(wait, Returns(3)))
        // One that would only be put off is worked on beside the other.
        #expect(self.admission(.first, 2, timeLeft: .seconds(1), isAlone: false) == .after(.zero))
        #expect(self.admission(.first, 2, timeLeft: .seconds(1), isAlone: true) == .after(.zero))
    }

    private static func tokens(_ count: Int) -> [DeliveryToken] { (0..<count).map { _ in DeliveryToken { _ in } } }

    @Test func aPlaceIsLeftByItsOccupantAlone() {
        let quarantine = Quarantine()
        let tokens = Self.tokens(2)
        #expect(quarantine.enter(tokens[0], .onePlace, at: .zero))
        #expect(!quarantine.enter(tokens[1], .onePlace, at: .zero))
        quarantine.leave(tokens[1])
        #expect(!quarantine.enter(tokens[1], .onePlace, at: .zero))
        quarantine.leave(tokens[0])
        #expect(quarantine.enter(tokens[1], .onePlace, at: .zero))
    }

    @Test func thereAreMorePlacesTheMoreHaveNotKilled() {
        let quarantine = Quarantine()
        var inHand: [DeliveryToken] = []
        for places in [1, 2, 4, 8] {
            let tokens = Self.tokens(places - inHand.count + 1)
            let entered = tokens.filter { quarantine.enter($0, .onePlace, at: .zero) }
            #expect(entered.count == tokens.count - 1)
            inHand += entered
            quarantine.begin(inHand[0], at: .zero)
            quarantine.leave(inHand.removeFirst())
        }
    }

    @Test func whoseCallHasNotBegunHasProvedNothing() {
        let quarantine = Quarantine()
        let tokens = Self.tokens(3)
        #expect(quarantine.enter(tokens[0], .onePlace, at: .zero))
        quarantine.leave(tokens[0])
        #expect(quarantine.enter(tokens[1], .onePlace, at: .zero))
        #expect(!quarantine.enter(tokens[2], .onePlace, at: .zero))
    }

    @Test func whoTakesAllPlacesSharesThemWithNobody() {
        let quarantine = Quarantine()
        let tokens = Self.tokens(4)
        // There are four places now.
        for token in tokens[0...1] {
            _ = quarantine.enter(token, .onePlace, at: .zero)
            quarantine.begin(token, at: .zero)
            quarantine.leave(token)
        }
        #expect(quarantine.enter(tokens[0], .onePlace, at: .zero))
        #expect(!quarantine.enter(tokens[1], .allPlaces, at: .zero))
        quarantine.leave(tokens[0])
        #expect(quarantine.enter(tokens[1], .allPlaces, at: .zero))
        for stay in [Quarantine.Stay.onePlace, .allPlaces] { #expect(!quarantine.enter(tokens[2], stay, at: .zero)) }
        quarantine.leave(tokens[1])
        #expect(quarantine.enter(tokens[3], .allPlaces, at: .zero))
    }

    @Test(arguments: [
        (5, [1: nil, 2: Quarantine.Stay.onePlace, 4: .onePlace, 5: .allPlaces]), (2, [1: nil, 2: .allPlaces]),
        (1, [1: .allPlaces]),
    ]) func whatMayNotComeBackOnceMoreTakesAllPlaces(_ limit: Int, _ stays: [Int: Quarantine.Stay?]) {
        for (count, stay) in stays {
            var taken: Quarantine.Stay?
            _ = DeliveryLimit(limit)?.admission(
                from: .first,
                after: Returns(count),
                timeLeft: nil,
                enters: {
                    taken = $0
                    return true
                },
                chance: { 0 }
            )
            #expect(taken == stay, "\(count) of \(limit)")
        }
    }

    @Test(arguments: [Quarantine.Stay.onePlace, .allPlaces]) func aCallThatLivesLongKeepsNobodyOut(
        _ stay: Quarantine.Stay
    ) {
        let quarantine = Quarantine()
        let tokens = Self.tokens(2)
        #expect(quarantine.enter(tokens[0], stay, at: .zero))
        // It has waited for a worker, and not lived.
        #expect(!quarantine.enter(tokens[1], stay, at: .seconds(10_000)))
        quarantine.begin(tokens[0], at: .seconds(10_000))
        #expect(!quarantine.enter(tokens[1], stay, at: .seconds(10_299)))
        #expect(quarantine.enter(tokens[1], stay, at: .seconds(10_300)))
        // It is another's by now.
        quarantine.leave(tokens[0])
        #expect(!quarantine.enter(tokens[0], stay, at: .seconds(10_301)))
    }

    @Test func theErrorIsTheSameOnTheOtherSide() throws {
        let error = DeliveryLimitExceeded(entrypoint: "charge", redeliveries: 6)
        let received = RemoteErrorBody(error).error(known: [])
        #expect(received as? DeliveryLimitExceeded == error)
        #expect(DeliveryLimitExceeded(arguments: [.integer(1), .string("charge")]) == nil)
    }
}
