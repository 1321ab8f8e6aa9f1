import EnokiBroker
import Testing

@testable import Enoki

/// When a copy is published, when its target is declared, when neither: decided without a broker.
@Suite struct SettlerStateMachineTests {
    private typealias Machine = Settler.StateMachine<Int>
    private let waiting = CopyTarget.waiting(.seconds(1), backTo: ByteName("q"))
    /// One that exists already, as a queue that is consumed.
    private let ready = CopyTarget.queue(ByteName("q"))

    @Test func anOperatorsOwnQueueOfDeadLettersIsUsedAsItIs() {
        let refused = BrokerError(.preconditionFailed, "inequivalent arg 'x-max-length'")
        let dead = CopyTarget.deadLetters(ByteName("q"))
        #expect(dead.isDeclaredFirst)
        #expect(dead.isUsable(despite: refused))
        #expect(dead.isUsable(despite: BrokerError(.accessRefused, "")))
        #expect(!dead.isUsable(despite: BrokerError(.timedOut, "")))
        #expect(!self.waiting.isUsable(despite: refused))
    }

    @Test func aWaitingQueueIsDeclaredOnceBeforeTheFirstCopy() {
        var machine = Machine()
        #expect(machine.submit(1, to: self.waiting) == .declare(self.waiting))
        #expect(machine.submit(2, to: self.waiting) == nil)
        #expect(machine.declared(self.waiting) == .publish([1, 2], self.waiting))
        #expect(machine.submit(3, to: self.waiting) == .publish([3], self.waiting))
        // Each delay has its own.
        let longer = CopyTarget.waiting(.seconds(2), backTo: ByteName("q"))
        #expect(machine.submit(4, to: longer) == .declare(longer))
    }

    @Test func whatIsMissingIsDeclaredAtOnce() {
        var machine = Machine()
        #expect(machine.submit(1, to: self.ready) == .publish([1], self.ready))
        #expect(machine.couldNotPublish(1, to: self.ready, .missing) == .declare(self.ready))
        #expect(machine.declared(self.ready) == .publish([1], self.ready))
        machine.published(to: self.ready)
        #expect(machine.submit(2, to: self.ready) == .publish([2], self.ready))
        // Deleted later, it is declared again at once.
        #expect(machine.couldNotPublish(2, to: self.ready, .missing) == .declare(self.ready))
    }

    @Test func whatFailsIsTriedLessAndLessOften() {
        var machine = Machine()
        #expect(machine.submit(1, to: self.ready) == .publish([1], self.ready))
        for (number, seconds) in [1, 2, 4, 8, 16, 30, 30, 30].enumerated() {
            #expect(
                machine.couldNotPublish(1, to: self.ready, .other)
                    == .wait(self.ready, .seconds(seconds), failures: number + 1)
            )
            #expect(machine.due(self.ready) == .publish([1], self.ready))
        }
        machine.published(to: self.ready)
        #expect(machine.submit(2, to: self.ready) == .publish([2], self.ready))
        #expect(machine.couldNotPublish(2, to: self.ready, .other) == .wait(self.ready, .seconds(1), failures: 1))
    }

    @Test func aTargetThatIsMissingAgainAtOnceIsLeftAloneForAWhile() {
        var machine = Machine()
        _ = machine.submit(1, to: self.ready)
        #expect(machine.couldNotPublish(1, to: self.ready, .missing) == .declare(self.ready))
        #expect(machine.declared(self.ready) == .publish([1], self.ready))
        #expect(machine.couldNotPublish(1, to: self.ready, .missing) == .wait(self.ready, .seconds(2), failures: 2))
        #expect(machine.due(self.ready) == .declare(self.ready))
        #expect(machine.couldNotDeclare(self.ready) == .wait(self.ready, .seconds(4), failures: 3))
        #expect(machine.due(self.ready) == .declare(self.ready))
        #expect(machine.declared(self.ready) == .publish([1], self.ready))
    }

    @Test func allCopiesForATargetWaitTogether() {
        var machine = Machine()
        for copy in 1...3 { _ = machine.submit(copy, to: self.ready) }
        #expect(machine.couldNotPublish(1, to: self.ready, .other) == .wait(self.ready, .seconds(1), failures: 1))
        #expect(machine.couldNotPublish(2, to: self.ready, .other) == nil)
        #expect(machine.couldNotPublish(3, to: self.ready, .missing) == nil)
        #expect(machine.submit(4, to: self.ready) == nil)
        // Other targets do not wait with them.
        #expect(machine.submit(5, to: .queue(ByteName("r"))) == .publish([5], .queue(ByteName("r"))))
        #expect(machine.due(self.ready) == .declare(self.ready))
        #expect(machine.declared(self.ready) == .publish([1, 2, 3, 4], self.ready))
    }

    @Test func aWayIsFoundAgainOnceAfterCopiesHadToWait() {
        var machine = Machine()
        var isFoundAgain: [Bool] = []
        _ = machine.submit(1, to: self.ready)
        isFoundAgain.append(machine.published(to: self.ready))
        // Declared once more, it was only gone.
        _ = machine.submit(2, to: self.ready)
        _ = machine.couldNotPublish(2, to: self.ready, .missing)
        _ = machine.declared(self.ready)
        isFoundAgain.append(machine.published(to: self.ready))
        _ = machine.submit(3, to: self.ready)
        _ = machine.couldNotPublish(3, to: self.ready, .other)
        _ = machine.due(self.ready)
        isFoundAgain.append(machine.published(to: self.ready))
        isFoundAgain.append(machine.published(to: self.ready))
        #expect(isFoundAgain == [false, false, true, false])
    }

    @Test func aTimerThatComesLateChangesNothing() {
        var machine = Machine()
        #expect(machine.due(self.ready) == nil)
        #expect(machine.declared(self.ready) == nil)
        #expect(machine.couldNotDeclare(self.ready) == nil)
        _ = machine.submit(1, to: self.ready)
        #expect(machine.due(self.ready) == nil)
    }

    @Test func stoppingGivesBackWhatWaitsAndLetsTheRestEnd() {
        var machine = Machine()
        _ = machine.submit(1, to: self.ready)
        _ = machine.couldNotPublish(1, to: self.ready, .other)
        #expect(machine.submit(2, to: self.waiting) == .declare(self.waiting))
        #expect(machine.stop() == .giveBack([1]))
        #expect(machine.due(self.ready) == nil)
        // The last handlers still get their copies out, first uses included.
        #expect(machine.declared(self.waiting) == .publish([2], self.waiting))
        machine.published(to: self.waiting)
        #expect(machine.submit(3, to: self.ready) == .publish([3], self.ready))
        // But nothing waits any more.
        #expect(machine.couldNotPublish(3, to: self.ready, .missing) == .giveBack([3]))
        #expect(machine.submit(4, to: self.ready) == .declare(self.ready))
        #expect(machine.couldNotDeclare(self.ready) == .giveBack([4]))
    }

    @Test func killedItGivesBackEverythingButWhatIsUnderWay() {
        var machine = Machine()
        _ = machine.submit(1, to: self.waiting)
        _ = machine.submit(2, to: self.ready)
        #expect(machine.kill() == .giveBack([1]))
        #expect(machine.declared(self.waiting) == nil)
        #expect(machine.couldNotPublish(2, to: self.ready, .missing) == .giveBack([2]))
        #expect(machine.submit(3, to: self.ready) == .giveBack([3]))
        #expect(machine.kill() == nil)
    }
}
