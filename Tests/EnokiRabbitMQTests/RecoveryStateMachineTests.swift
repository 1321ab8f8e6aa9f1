import EnokiBroker
import Testing

@testable import EnokiRabbitMQ

/// The machine with a host that does what it is told to, and with one thing that goes wrong at one step.
@Suite struct RecoveryStateMachineTests {
    private typealias Machine = RecoveryStateMachine<Int>

    /// What goes wrong.
    enum Trouble: CaseIterable {
        case connectionLost, sessionEnds, notFound, accessRefused, resourceLocked, preconditionFailed, timedOut

        var error: BrokerError {
            let code: BrokerError.Code =
                switch self {
                case .connectionLost, .sessionEnds: .connectionLost
                case .notFound: .notFound
                case .accessRefused: .accessRefused
                case .resourceLocked: .resourceLocked
                case .preconditionFailed: .preconditionFailed
                case .timedOut: .timedOut
                }
            return BrokerError(code, "\(self)")
        }
    }

    /// A broker, a transport and a clock: runs actions in order, time goes on when nothing else is left to do.
    private struct Host {
        var machine = Machine(longestWait: .seconds(10), looksForAnswer: 4)
        var actions: [Machine.Action] = []
        var waits: [(due: Duration, wait: Machine.Wait)] = []
        var now = Duration.zero
        /// What the broker has, since the connection was made.
        var isDeclared = false
        var served: Set<Int> = []
        var wanted: Set<Int> = []
        var isConnected = false
        var opened = 0
        var queuesLost: [Int] = []
        var rebuilds = 0
        /// Counts what was done.
        var step = 0
        var troubles: [Int: Trouble] = [:]

        init(consumers: Range<Int>) {
            self.connect()
            self.run()
            for id in consumers {
                self.machine.add(id, queue: "q\(id)", watchesQueue: id == 0)
                self.wanted.insert(id)
                self.served.insert(id)
            }
        }

        mutating func connect() {
            self.isConnected = true
            self.actions += self.machine.opened()
        }

        mutating func lose() {
            self.isConnected = false
            self.isDeclared = false
            self.served = []
            self.actions = []
            self.waits = []
            self.machine.lost()
            #expect(self.machine.condition == .away)
        }

        /// Does all there is to do, and lets time pass while there is something to wait for; never longer than `limit`.
        mutating func run(for limit: Duration = .seconds(60)) {
            let end = self.now + limit
            while true {
                self.check()
                if !self.actions.isEmpty {
                    self.perform(self.actions.removeFirst())
                } else if !self.isConnected {
                    self.connect()
                } else if let next = self.waits.min(by: { $0.due < $1.due }), next.due <= end {
                    self.waits.removeAll { $0.wait == next.wait }
                    self.now = max(self.now, next.due)
                    self.actions += self.machine.waited(next.wait)
                } else {
                    return
                }
            }
        }

        /// Never connected but half restored.
        private func check() {
            guard self.machine.condition == .whole else { return }
            #expect(self.isConnected && self.isDeclared, "step \(self.step)")
            #expect(self.served == self.wanted, "step \(self.step)")
        }

        private mutating func failure() -> BrokerError? {
            self.step += 1
            guard let trouble = self.troubles[self.step] else { return nil }
            // The failed answer comes before the loss is told, or not at all.
            if trouble == .sessionEnds { self.lose() }
            return trouble.error
        }

        private mutating func perform(_ action: Machine.Action) {
            let session = self.isConnected
            switch action {
            case .declare(let round, _):
                let error = self.failure()
                if self.isConnected != session { return }
                self.isDeclared = error == nil || error?.code == .preconditionFailed
                let failures = [error].compactMap(\.self)
                self.actions += self.machine.declared(round: round, lostQueues: [], failures: failures)
                if error?.code == .connectionLost { self.lose() }
            case .consume(let id):
                let error = self.failure()
                if self.isConnected != session { return }
                if error == nil { self.served.insert(id) }
                self.actions += self.machine.consumed(id, failure: error)
                if error?.code == .connectionLost { self.lose() }
            case .wait(let duration, let wait): self.waits.append((self.now + duration, wait))
            case .tellQueueLost(let id): self.queuesLost.append(id)
            case .open:
                self.opened += 1
                #expect(self.isConnected)
            case .rebuild:
                self.rebuilds += 1
                self.lose()
            }
        }
    }

    @Test func allComesBackOnTheNextConnection() {
        var host = Host(consumers: 0..<3)
        #expect(host.machine.condition == .whole)
        host.lose()
        host.run()
        #expect(host.machine.condition == .whole)
        #expect(host.opened == 2)
        // Nothing had to wait.
        #expect(host.now == .zero)
    }

    /// All pairs of two troubles and of one, at all steps: a round of declaring, an answer for each of three consumers, and
    /// as many of the second recovery.
    @Test(arguments: Trouble.allCases)
    func whateverFailsAtWhateverStepAllComesBack(trouble: Trouble) {
        for second in Trouble.allCases {
            for first in 1...8 {
                for next in first + 1...9 {
                    var host = Host(consumers: 0..<3)
                    host.step = 0
                    host.troubles = [first: trouble, next: second]
                    host.lose()
                    host.run()
                    let what: Comment = "\(trouble) at step \(first), \(second) at step \(next)"
                    #expect(host.machine.condition == .whole, what)
                    #expect(host.served == [0, 1, 2], what)
                    #expect(host.rebuilds <= 2, what)
                }
            }
        }
    }

    @Test func answersOfAnOlderConnectionAreNobodys() {
        var machine = Machine(longestWait: .seconds(10), looksForAnswer: 4)
        guard case .declare(let old, _)? = machine.opened().first else {
            Issue.record("no round")
            return
        }
        machine.lost()
        guard case .declare(let new, _)? = machine.opened().first else {
            Issue.record("no round")
            return
        }
        #expect(old != new)
        #expect(machine.declared(round: old, lostQueues: [], failures: []) == [])
        #expect(machine.condition == .restoring(nil))
        #expect(machine.declared(round: new, lostQueues: [], failures: []) == [.open])
        #expect(machine.condition == .whole)
        machine.lost()
        #expect(machine.waited(.round(new)) == [])
        #expect(machine.consumed(7, failure: nil) == [])
    }

    @Test func whatIsLockedOrMissingIsWaitedForBeforeOthersGoOn() {
        var machine = Machine(longestWait: .seconds(10), looksForAnswer: 4)
        var actions = machine.opened()
        var waited = Duration.zero
        var rounds = 0
        while case .declare(let round, _)? = actions.first {
            rounds += 1
            let locked = BrokerError(.resourceLocked, "RESOURCE_LOCKED")
            actions = machine.declared(round: round, lostQueues: [], failures: [locked])
            #expect(machine.condition == .restoring("RESOURCE_LOCKED"))
            guard actions.count == 1, case .wait(let pause, let wait)? = actions.first else { break }
            waited += pause
            actions = machine.waited(wait)
        }
        // In the end it goes on without, and says so; it is tried on.
        #expect(rounds == Machine.patientRounds)
        #expect(waited > .seconds(5) && waited < .seconds(15))
        #expect(actions.last == .open)
        #expect(machine.condition == .restoring("RESOURCE_LOCKED"))
        guard case .wait(_, let wait)? = actions.first else {
            Issue.record("\(actions)")
            return
        }
        guard case .declare(let round, _)? = machine.waited(wait).first else {
            Issue.record("no other round")
            return
        }
        _ = machine.declared(round: round, lostQueues: [], failures: [])
        #expect(machine.condition == .whole)
    }

    @Test func aConsumerThatIsRefusedIsTriedMoreAndMoreSlowlyAndTheOthersGoOn() {
        var machine = Machine(longestWait: .seconds(10), looksForAnswer: 4)
        _ = machine.opened()
        _ = machine.declared(round: 1, lostQueues: [], failures: [])
        machine.add(1, queue: "a", watchesQueue: false)
        machine.add(2, queue: "b", watchesQueue: false)
        var actions = machine.stopped(1, because: "queue deleted")
        var pauses: [Duration] = []
        for _ in 0..<8 {
            guard case .declare(let round, _)? = actions.first else {
                Issue.record("\(actions)")
                return
            }
            #expect(machine.declared(round: round, lostQueues: [], failures: []) == [.consume(1)])
            actions = machine.consumed(1, failure: BrokerError(.notFound, "no queue 'a'"))
            #expect(machine.condition == .restoring("queue 'a' is not consumed: no queue 'a'"))
            guard case .wait(let pause, let wait)? = actions.first else {
                Issue.record("\(actions)")
                return
            }
            #expect(actions.last == .open)
            pauses.append(pause)
            actions = machine.waited(wait)
        }
        #expect(pauses.first == .milliseconds(500) && pauses.last == .seconds(10))
        #expect(pauses == pauses.sorted())
    }

    @Test func aQueueThatWasGoneIsToldOnceItIsThereAgain() {
        var machine = Machine(longestWait: .seconds(10), looksForAnswer: 4)
        _ = machine.opened()
        _ = machine.declared(round: 1, lostQueues: [], failures: [])
        machine.add(1, queue: "replies", watchesQueue: true)
        machine.add(2, queue: "other", watchesQueue: false)
        machine.lost()
        guard case .declare(let round, let checking)? = machine.opened().first else {
            Issue.record("no round")
            return
        }
        #expect(checking == [1])
        // Another part fails at first: the loss is not forgotten over it.
        let missing = BrokerError(.notFound, "NOT_FOUND")
        let actions = machine.declared(round: round, lostQueues: [1], failures: [missing])
        guard case .wait(_, let wait)? = actions.first, case .declare(let next, _)? = machine.waited(wait).first else {
            Issue.record("\(actions)")
            return
        }
        let done = machine.declared(round: next, lostQueues: [], failures: [])
        #expect(done == [.tellQueueLost(1), .consume(1), .consume(2)])
    }

    @Test func aQueueThatIsDeletedDuringARoundIsDeclaredByAnother() {
        var machine = Machine(longestWait: .seconds(10), looksForAnswer: 4)
        _ = machine.opened()
        _ = machine.declared(round: 1, lostQueues: [], failures: [])
        for id in 1...2 { machine.add(id, queue: "\(id)", watchesQueue: false) }
        guard case .declare(let round, _)? = machine.stopped(1, because: "deleted").first else {
            Issue.record("no round")
            return
        }
        #expect(machine.stopped(2, because: "deleted too") == [])
        guard case .declare(let next, _)? = machine.declared(round: round, lostQueues: [], failures: []).first else {
            Issue.record("no other round")
            return
        }
        #expect(machine.declared(round: next, lostQueues: [], failures: []) == [.consume(1), .consume(2)])
    }

    // MARK: - The watch

    private func connected() -> Machine {
        var machine = Machine(longestWait: .seconds(10), looksForAnswer: 4)
        _ = machine.opened()
        _ = machine.declared(round: 1, lostQueues: [], failures: [])
        machine.add(1, queue: "q", watchesQueue: false)
        return machine
    }

    private func rebuilds(_ actions: [Machine.Action]) -> Bool {
        if case .rebuild(let error)? = actions.first { error.message.contains("'q'") } else { false }
    }

    @Test func aConsumerThatNobodyServesCostsTheConnectionAtTheSecondLook() {
        var machine = self.connected()
        #expect(machine.look(served: [1]) == [])
        #expect(machine.look(served: []) == [])
        #expect(self.rebuilds(machine.look(served: [])))
    }

    @Test func oneLookThatFindsItServedEndsTheSuspicion() {
        var machine = self.connected()
        for _ in 0..<5 {
            #expect(machine.look(served: []) == [])
            #expect(machine.look(served: [1]) == [])
        }
    }

    @Test func aConsumerWhoseAnswerDoesNotComeCostsTheConnection() {
        var machine = self.connected()
        _ = machine.stopped(1, because: "cancelled")
        _ = machine.declared(round: 2, lostQueues: [], failures: [])
        // The question has a deadline of its own, which comes first.
        for _ in 0..<3 { #expect(machine.look(served: []) == []) }
        #expect(self.rebuilds(machine.look(served: [])))
    }

    @Test func aRoundThatDoesNotEndCostsTheConnection() {
        var machine = Machine(longestWait: .seconds(10), looksForAnswer: 4)
        _ = machine.opened()
        for _ in 0..<3 { #expect(machine.look(served: []) == []) }
        guard case .rebuild? = machine.look(served: []).first else {
            Issue.record("not given up")
            return
        }
    }

    @Test func aRoundThatIsLongAndGoesOnIsNotGivenUp() {
        var machine = Machine(longestWait: .seconds(10), looksForAnswer: 4)
        _ = machine.opened()
        for _ in 0..<5 {
            for _ in 0..<3 { #expect(machine.look(served: []) == []) }
            machine.declaredPart(ofRound: 1)
        }
        // A part of another round says nothing of this one.
        for _ in 0..<3 {
            #expect(machine.look(served: []) == [])
            machine.declaredPart(ofRound: 0)
        }
        guard case .rebuild? = machine.look(served: []).first else {
            Issue.record("not given up")
            return
        }
    }

    @Test func aConsumerThatIsRefusedAndTriedAgainIsNoZombie() {
        var machine = self.connected()
        _ = machine.stopped(1, because: "cancelled")
        _ = machine.declared(round: 2, lostQueues: [], failures: [])
        _ = machine.consumed(1, failure: BrokerError(.accessRefused, "in exclusive use"))
        for _ in 0..<5 { #expect(machine.look(served: []) == []) }
        #expect(machine.condition == .restoring("queue 'q' is not consumed: in exclusive use"))
    }

    @Test func aConsumerThatIsWantedNoLongerIsNotMissed() {
        var machine = self.connected()
        machine.remove(1)
        for _ in 0..<3 { #expect(machine.look(served: []) == []) }
        #expect(machine.condition == .whole)
    }
}
