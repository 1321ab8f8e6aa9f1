import Testing

@testable import Enoki

@Suite struct PoolWatchTests {
    /// What a watch with ticks each second says about jobs that were done or not.
    private func events(_ ticks: [(seconds: Int, isDone: Bool)]) -> [PoolWatch.Event] {
        var watch = PoolWatch(threshold: .seconds(5))
        return ticks.compactMap { watch.tick(at: .seconds($0.seconds), isDone: $0.isDone) }
    }

    /// Ticks each second: one for each character, `.` where the job was done.
    private func events(_ jobs: String) -> [PoolWatch.Event] {
        self.events(jobs.enumerated().map { ($0.offset, $0.element == ".") })
    }

    @Test func itLooksFiveTimesInAThreshold() {
        #expect(PoolWatch(threshold: .seconds(5)).interval == .seconds(1))
        #expect(PoolWatch(threshold: .milliseconds(100)).interval == .milliseconds(20))
    }

    @Test func aPoolThatDoesItsJobsIsFine() { #expect(self.events("..........").isEmpty) }

    @Test func slowJobsAreNoStall() { #expect(self.events(".----.----.----.---.").isEmpty) }

    @Test func aStallIsToldOnceAndItsEndToo() {
        #expect(
            self.events(".--------....") == [.stalled(for: .seconds(5), number: 1), .recovered(after: .seconds(8))]
        )
    }

    @Test func aLongStallIsToldEachTimeItsLengthHasDoubled() {
        let jobs = "." + String(repeating: "-", count: 100) + ".."
        let lengths = [5, 10, 20, 40, 80].map { ($0, $0 == 5 ? 1 : nil) }
        #expect(
            self.events(jobs) == lengths.map { .stalled(for: .seconds($0.0), number: $0.1) }
                + [.recovered(after: .seconds(100))]
        )
    }

    @Test func ofManyStallsThoseThatDoubleTheirNumberAreTold() {
        let events = self.events("." + String(repeating: "------.", count: 9))
        let told = [1, 2, 4, 8].flatMap { number -> [PoolWatch.Event] in
            [.stalled(for: .seconds(5), number: number), .recovered(after: .seconds(6))]
        }
        #expect(events == told)
    }

    @Test func aLongOneAmongManyIsToldAllTheSame() {
        let events = self.events("." + String(repeating: "------.", count: 2) + "-----------.")
        #expect(events.suffix(2) == [.stalled(for: .seconds(10), number: nil), .recovered(after: .seconds(11))])
        #expect(events.count == 6)
    }

    @Test func aPoolThatDoesNothingForTheLimitIsToldOnce() {
        var watch = PoolWatch(threshold: .seconds(5), limit: .seconds(12))
        let events = (0..<40).compactMap { watch.tick(at: .seconds($0), isDone: $0 == 0 || $0 == 30) }
        #expect(
            events == [
                .stalled(for: .seconds(5), number: 1), .stalled(for: .seconds(10), number: nil),
                .exceeded(after: .seconds(12)), .stalled(for: .seconds(20), number: nil),
                .recovered(after: .seconds(29)), .stalled(for: .seconds(5), number: 2),
            ]
        )
    }

    @Test func whatIsBusyAndDoesAJobNowAndThenNeverReachesTheLimit() {
        var watch = PoolWatch(threshold: .seconds(5), limit: .seconds(12))
        let events = (0..<100).compactMap { watch.tick(at: .seconds($0), isDone: $0 % 12 == 0) }
        #expect(!events.contains { if case .exceeded = $0 { true } else { false } })
    }

    @Test func aProcessThatWasStoppedForAnHourIsNotStuck() {
        #expect(self.events([(0, true), (1, true), (3601, false), (3602, true), (7202, false), (7203, false)]).isEmpty)
    }
}
