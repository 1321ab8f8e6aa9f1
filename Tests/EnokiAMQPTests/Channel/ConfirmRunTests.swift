import EnokiInProcess
import Testing

@testable import EnokiAMQP

struct ConfirmRunTests {
    @Test func confirmsOneAfterAnotherAreToldAtOnce() {
        let run = Runner()
        #expect(run.adding(1, 2, 3, 4, 5) == [true, true, true, true, true])
        #expect(run.taking() == .init(sequence: 5, isMultiple: true))
        #expect(run.taking() == nil)
        #expect(run.adding(6) == [true])
        #expect(run.taking() == .init(sequence: 6, isMultiple: false))
    }

    @Test func behindOneThatIsMissingTheyAreToldSingly() {
        let run = Runner()
        #expect(run.adding(1, 3, 4) == [true, false, false])
        #expect(run.taking() == .init(sequence: 1, isMultiple: false))
        // The missing one closes the gap, and says nothing of those that have been told.
        #expect(run.adding(2) == [true])
        #expect(run.taking() == .init(sequence: 2, isMultiple: false))
        #expect(run.adding(5) == [true])
        #expect(run.taking() == .init(sequence: 5, isMultiple: false))
    }

    @Test func whatWasRefusedIsInNoRun() {
        let run = Runner()
        #expect(run.adding(1) == [true])
        run.noteTold(2)
        #expect(run.adding(3) == [true])
        // All up to 3 have been told, the second one otherwise: a client has settled it by then.
        #expect(run.taking()?.sequence == 3)
    }

    /// Whatever the order in which publishes are confirmed, the client learns the fate of each exactly once.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func everyPublishIsToldOnce(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var run = ConfirmRun()
        var unconfirmed = Array(1...100 as ClosedRange<UInt64>)
        var untold = Set(unconfirmed)
        func tell(_ sequence: UInt64, isMultiple: Bool) {
            let told: Set<UInt64> = isMultiple ? untold.filter { $0 <= sequence } : [sequence]
            #expect(told.isSubset(of: untold))
            #expect(told.isDisjoint(with: unconfirmed), "one is told that is not confirmed")
            untold.subtract(told)
        }
        while !unconfirmed.isEmpty {
            // Mostly in order.
            let index = generator.index(below: generator.index(below: 3) == 0 ? min(unconfirmed.count, 5) : 1)
            let sequence = unconfirmed.remove(at: index)
            if generator.index(below: 10) == 0 {
                // A nack, in front of which the run ends.
                if let run = run.take() { tell(run.sequence, isMultiple: run.isMultiple) }
                run.noteTold(sequence)
                tell(sequence, isMultiple: false)
            } else if !run.add(sequence) {
                tell(sequence, isMultiple: false)
            }
            if generator.index(below: 4) == 0, let run = run.take() { tell(run.sequence, isMultiple: run.isMultiple) }
        }
        if let run = run.take() { tell(run.sequence, isMultiple: run.isMultiple) }
        #expect(untold.isEmpty)
    }
}

/// A run that an expectation can change.
private final class Runner {
    private var run = ConfirmRun()

    func adding(_ sequences: UInt64...) -> [Bool] { sequences.map { self.run.add($0) } }

    func taking() -> ConfirmRun.Run? { self.run.take() }

    func noteTold(_ sequence: UInt64) { self.run.noteTold(sequence) }
}
