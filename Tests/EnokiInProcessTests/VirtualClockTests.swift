import EnokiBroker
import EnokiInProcess
import Testing

@Suite struct VirtualClockTests {
    @Test func sleepersWakeInTheOrderOfTheirInstants() async {
        let clock = VirtualClock()
        let woken = Locked<[String]>([])
        await withThrowingTaskGroup { group in
            for seconds in [3, 1, 2, 5] {
                group.addTask {
                    try await clock.sleep(for: .seconds(seconds))
                    woken.withLock { $0.append("\(seconds) at \(clock.now.offset)") }
                }
            }
            await clock.advance(by: .seconds(4))
            #expect(
                woken.withLock { $0 } == ["1 at 1.0 seconds", "2 at 2.0 seconds", "3 at 3.0 seconds"]
            )
            #expect(clock.now.offset == .seconds(4))
            #expect(clock.sleeperCount == 1)
            await clock.advance(by: .seconds(1))
            #expect(woken.withLock { $0.last } == "5 at 5.0 seconds")
        }
    }

    @Test func oneWhoSleepsAgainWithinTheSpanIsWokenAgain() async {
        let clock = VirtualClock()
        let wakings = Locked<[Duration]>([])
        await withThrowingTaskGroup { group in
            group.addTask {
                for _ in 0..<5 {
                    try await clock.sleep(for: .seconds(10))
                    wakings.withLock { $0.append(clock.now.offset) }
                }
            }
            await clock.advance(by: .seconds(60))
        }
        #expect(wakings.withLock { $0 } == [10, 20, 30, 40, 50].map { .seconds($0) })
        #expect(clock.now.offset == .seconds(60))
    }

    @Test func oneWhoseTimeHasNotComeSleepsOn() async throws {
        let clock = VirtualClock()
        await withThrowingTaskGroup { group in
            group.addTask { try await clock.sleep(for: .seconds(1)) }
            await clock.advance(by: .milliseconds(999))
            #expect(clock.sleeperCount == 1)
            await clock.advance(by: .milliseconds(1))
            #expect(clock.sleeperCount == 0)
        }
    }

    @Test func aPastInstantNeedsNoSleep() async throws {
        let clock = VirtualClock()
        await clock.advance(by: .seconds(5))
        try await clock.sleep(until: VirtualClock.Instant(offset: .seconds(5)))
        try await clock.sleep(until: VirtualClock.Instant(offset: .zero))
    }

    @Test func cancellingASleeperWakesItAtOnce() async {
        let clock = VirtualClock()
        let outcome = await withTaskGroup(of: Result<Void, any Error>.self) { group in
            group.addTask { await Result { try await clock.sleep(for: .seconds(1)) } }
            while clock.sleeperCount == 0 { await Task.yield() }
            group.cancelAll()
            return await group.next()
        }
        #expect(throws: CancellationError.self) { try outcome?.get() }
        #expect(clock.sleeperCount == 0)
        #expect(clock.now.offset == .zero)
    }

    @Test func aCancelledTaskDoesNotSleep() async {
        let clock = VirtualClock()
        let outcome = await withTaskGroup(of: Result<Void, any Error>.self) { group in
            group.cancelAll()
            group.addTask { await Result { try await clock.sleep(for: .seconds(1)) } }
            return await group.next()
        }
        #expect(throws: CancellationError.self) { try outcome?.get() }
    }

    @Test func timersScheduledByTimersFireInOneAdvance() async {
        let clock = VirtualClock()
        let timers = TimerQueue(clock: clock)
        let fired = Locked<[Duration]>([])
        @Sendable func schedule(_ count: Int) {
            guard count > 0 else { return }
            timers.schedule(after: .seconds(7)) {
                fired.withLock { $0.append(clock.now.offset) }
                schedule(count - 1)
            }
        }
        await withTaskGroup { group in
            group.addTask { await timers.run() }
            schedule(10)
            await clock.advance(by: .seconds(70))
            group.cancelAll()
        }
        #expect(fired.withLock { $0 } == (1...10).map { .seconds($0 * 7) })
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
