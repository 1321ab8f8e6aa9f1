import Testing
import UnixSignals

@testable import EnokiRunner

@Suite struct ShutdownPlanTests {
    private func term(at milliseconds: Int) -> ShutdownPlan.Event { .signal(.sigterm, at: .milliseconds(milliseconds)) }

    @Test func theFirstSignalStopsWithTimeForTheGracePeriodAndForClosing() {
        var plan = ShutdownPlan(grace: .seconds(25))
        #expect(plan.handle(term(at: 1000)) == .stop(within: .seconds(30)))
    }

    @Test func theSecondSignalKillsAndTheThirdEnds() {
        var plan = ShutdownPlan(grace: .seconds(25))
        _ = plan.handle(term(at: 1000))
        #expect(plan.handle(term(at: 2000)) == .kill(within: ShutdownPlan.killingTime))
        #expect(plan.handle(term(at: 3000)) == .exit(.killed))
    }

    @Test func aStopThatTakesTooLongIsAFailure() {
        var plan = ShutdownPlan(grace: .zero)
        _ = plan.handle(term(at: 1000))
        #expect(plan.handle(.deadlinePassed) == .exit(.failure))
    }

    @Test func callsThatIgnoreBeingKilledEndWithTheProcess() {
        var plan = ShutdownPlan(grace: .zero)
        _ = plan.handle(term(at: 1000))
        _ = plan.handle(term(at: 2000))
        #expect(plan.handle(.deadlinePassed) == .exit(.killed))
    }

    @Test func nothingHappensBeforeTheFirstSignal() {
        var plan = ShutdownPlan(grace: .zero)
        #expect(plan.handle(.deadlinePassed) == .none)
        #expect(plan.handle(term(at: 1000)) == .stop(within: .seconds(5)))
    }

    @Test func anotherSignalAtOnceIsNoSecondOne() {
        var plan = ShutdownPlan(grace: .seconds(25))
        _ = plan.handle(term(at: 1000))
        #expect(plan.handle(term(at: 1001)) == .none)
        #expect(plan.handle(.signal(.sigint, at: .milliseconds(1199))) == .none)
        #expect(plan.handle(term(at: 1200)) == .kill(within: ShutdownPlan.killingTime))
        #expect(plan.handle(term(at: 1201)) == .none)
    }

    @Test func aServiceThatFailsHasTheSameTimeToStop() {
        var plan = ShutdownPlan(grace: .seconds(25))
        #expect(plan.handle(.stopsByItself) == .stop(within: .seconds(30)))
        #expect(plan.handle(.stopsByItself) == .none)
        #expect(plan.handle(.deadlinePassed) == .exit(.failure))
    }

    @Test func theFirstSignalAfterAFailureDoesNotKill() {
        var plan = ShutdownPlan(grace: .seconds(25))
        _ = plan.handle(.stopsByItself)
        #expect(plan.handle(term(at: 1000)) == .none)
        #expect(plan.handle(term(at: 2000)) == .kill(within: ShutdownPlan.killingTime))
    }

    @Test func aStopBySignalIsNoFailure() {
        var plan = ShutdownPlan(grace: .seconds(25))
        _ = plan.handle(term(at: 1000))
        #expect(plan.handle(.stopsByItself) == .none)
        #expect(plan.handle(term(at: 2000)) == .kill(within: ShutdownPlan.killingTime))
    }
}
