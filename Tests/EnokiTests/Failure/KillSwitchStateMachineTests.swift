import Testing

@testable import Enoki

@Suite struct KillSwitchStateMachineTests {
    private typealias Machine = KillSwitch.StateMachine<Int>

    private static let settings = KillSwitch(above: 0.5, of: 4, within: .seconds(10), upTo: .seconds(4))

    /// A machine that has paused at zero, since all of four calls failed.
    private var paused: Machine {
        var machine = Machine(Self.settings)
        for id in 0..<3 { #expect(machine.ended(id, failed: true, at: .zero) == .none) }
        #expect(machine.ended(3, failed: true, at: .zero) == .pause(.seconds(1), failed: 4, of: 4))
        return machine
    }

    @Test func halfOfTheCallsMayFail() {
        var machine = Machine(Self.settings)
        for id in 0..<100 {
            #expect(machine.begin(id) == true)
            #expect(machine.ended(id, failed: !id.isMultiple(of: 2), at: .zero) == .none)
        }
        #expect(machine.ended(100, failed: true, at: .zero) == .pause(.seconds(1), failed: 51, of: 101))
    }

    @Test func fewCallsAreNotJudged() {
        var machine = Machine(Self.settings)
        for id in 0..<3 { #expect(machine.ended(id, failed: true, at: .zero) == .none) }
        #expect(machine.begin(3) == true)
    }

    @Test func whatIsLongAgoDoesNotCount() {
        var machine = Machine(Self.settings)
        for second in 0..<100 {
            // Three in any ten seconds.
            #expect(machine.ended(second, failed: true, at: .seconds(second * 4)) == .none)
        }
    }

    @Test func anEndThatSaysNothingCountsNeither() {
        var machine = Machine(Self.settings)
        for id in 0..<100 { #expect(machine.ended(id, failed: nil, at: .zero) == .none) }
        for id in 0..<3 { #expect(machine.ended(id, failed: true, at: .zero) == .none) }
    }

    @Test func noCallBeginsInAPauseAndOneAfterIt() {
        var machine = self.paused
        #expect(machine.begin(10) == false)
        machine.pauseEnded()
        #expect(machine.begin(10) == true)
        #expect(machine.begin(11) == false)
    }

    @Test func aTryThatSucceedsLetsAllGoOn() {
        var machine = self.paused
        machine.pauseEnded()
        _ = machine.begin(10)
        #expect(machine.ended(10, failed: false, at: .seconds(1)) == .goOn)
        #expect(machine.begin(11) == true)
        #expect(machine.begin(12) == true)
        // And it counts anew, with the first pause.
        for id in 0..<3 { #expect(machine.ended(id, failed: true, at: .seconds(1)) == .none) }
        #expect(machine.ended(3, failed: true, at: .seconds(1)) == .pause(.seconds(1), failed: 4, of: 4))
    }

    @Test func eachTryThatFailsDoublesThePauseUpToTheLongest() {
        var machine = self.paused
        for seconds in [2, 4, 4, 4] {
            machine.pauseEnded()
            #expect(machine.begin(seconds) == true)
            #expect(machine.ended(seconds, failed: true, at: .zero) == .pauseAgain(.seconds(seconds)))
        }
    }

    @Test func callsThatHadBegunBeforeThePauseAreNoTry() {
        var machine = self.paused
        #expect(machine.ended(4, failed: false, at: .zero) == .none)
        machine.pauseEnded()
        #expect(machine.ended(5, failed: false, at: .zero) == .none)
        #expect(machine.begin(10) == true)
        #expect(machine.ended(6, failed: true, at: .zero) == .none)
        #expect(machine.begin(11) == false)
    }

    @Test func aTryMayBeginWheneverItIsAsked() {
        var machine = self.paused
        machine.pauseEnded()
        #expect(machine.begin(10) == true)
        #expect(machine.begin(10) == true)
        #expect(machine.begin(11) == false)
        #expect(machine.ended(10, failed: true, at: .zero) == .pauseAgain(.seconds(2)))
        #expect(machine.begin(10) == false)
    }

    @Test func aTryThatSaysNothingIsFollowedByAnother() {
        var machine = self.paused
        machine.pauseEnded()
        #expect(machine.begin(10) == true)
        #expect(machine.ended(10, failed: nil, at: .zero) == .tryNext)
        #expect(machine.begin(11) == true)
    }

    @Test func theEndOfAPauseThatIsOverChangesNothing() {
        var machine = self.paused
        machine.pauseEnded()
        _ = machine.begin(10)
        machine.pauseEnded()
        #expect(machine.begin(11) == false)
    }
}
