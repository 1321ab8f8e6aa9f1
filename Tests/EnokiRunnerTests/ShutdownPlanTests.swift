import Testing

@testable import EnokiRunner

@Suite struct ShutdownPlanTests {
    @Test func theFirstSignalStopsWithTimeForTheGracePeriodAndForClosing() {
        var plan = ShutdownPlan(grace: .seconds(25))
        #expect(plan.handle(.signal) == .stop(within: .seconds(30)))
    }

    @Test func theSecondSignalKillsAndTheThirdEnds() {
        var plan = ShutdownPlan(grace: .seconds(25))
        _ = plan.handle(.signal)
        #expect(plan.handle(.signal) == .kill(within: ShutdownPlan.killingTime))
        #expect(plan.handle(.signal) == .exit(.killed))
    }

    @Test func aStopThatTakesTooLongIsAFailure() {
        var plan = ShutdownPlan(grace: .zero)
        _ = plan.handle(.signal)
        #expect(plan.handle(.deadlinePassed) == .exit(.failure))
    }

    @Test func callsThatIgnoreBeingKilledEndWithTheProcess() {
        var plan = ShutdownPlan(grace: .zero)
        _ = plan.handle(.signal)
        _ = plan.handle(.signal)
        #expect(plan.handle(.deadlinePassed) == .exit(.killed))
    }

    @Test func nothingHappensBeforeTheFirstSignal() {
        var plan = ShutdownPlan(grace: .zero)
        #expect(plan.handle(.deadlinePassed) == .none)
        #expect(plan.handle(.signal) == .stop(within: .seconds(5)))
    }
}
