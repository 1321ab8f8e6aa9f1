import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Testing

/// The clock with those who use it on its executor.
@Suite(.timeLimit(.minutes(5))) struct VirtualClockTests {
    /// Runs `body` on a clock's executor; the tasks of the group are cancelled at the end.
    private func withClock(
        seed: UInt64? = nil,
        _ body: (VirtualClock, inout ThrowingTaskGroup<Void, any Error>) async throws -> Void
    ) async throws {
        let clock = VirtualClock(seed: seed)
        try await withTaskExecutorPreference(clock.executor) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await body(clock, &group)
                group.cancelAll()
            }
        }
    }

    // MARK: - Order

    @Test func sleepersWakeInTheOrderOfTheirInstants() async throws {
        try await self.withClock { clock, group in
            let woken = Collector<String>()
            for seconds in [3, 1, 2, 5] {
                group.addTask {
                    try await clock.sleep(for: .seconds(seconds))
                    woken.append("\(seconds) at \(clock.now.offset)")
                }
            }
            await clock.advance(by: .seconds(4))
            #expect(woken.elements == ["1 at 1.0 seconds", "2 at 2.0 seconds", "3 at 3.0 seconds"])
            #expect(clock.now.offset == .seconds(4))
            #expect(clock.sleeperCount == 1)
            await clock.advance(by: .seconds(1))
            #expect(woken.elements.last == "5 at 5.0 seconds")
        }
    }

    /// Four sleepers of one instant, each of whom then has two things to do.
    private func wakings(seed: UInt64?) async throws -> [String] {
        let wakings = Collector<String>()
        try await self.withClock(seed: seed) { clock, group in
            for name in ["a", "b", "c", "d"] {
                group.addTask {
                    try await clock.sleep(until: VirtualClock.Instant(offset: .seconds(1)))
                    wakings.append("\(name) wakes")
                    for _ in 0..<10 { await Task.yield() }
                    wakings.append("\(name) is done")
                }
                // Otherwise the seed also decides who lies down first.
                await clock.advance(by: .zero)
            }
            await clock.advance(by: .seconds(1))
        }
        return wakings.elements
    }

    @Test func thoseDueAtOneInstantWakeOneAfterAnother() async throws {
        let wakings = try await self.wakings(seed: nil)
        #expect(wakings == ["a", "b", "c", "d"].flatMap { ["\($0) wakes", "\($0) is done"] })
    }

    @Test func aSeedMixesThoseDueAtOneInstant() async throws {
        var orders: Set<[String]> = []
        for seed in UInt64(0)..<100 {
            let wakings = try await self.wakings(seed: seed)
            #expect(wakings.count == 8)
            orders.insert(wakings)
        }
        #expect(orders.count > 50)
        #expect(orders.contains { Set($0.prefix(4)) == ["a wakes", "b wakes", "c wakes", "d wakes"] })
    }

    @Test func oneWhoSleepsAgainWithinTheSpanIsWokenAgain() async throws {
        try await self.withClock { clock, group in
            let wakings = Collector<Duration>()
            group.addTask {
                for _ in 0..<5 {
                    try await clock.sleep(for: .seconds(10))
                    wakings.append(clock.now.offset)
                }
            }
            await clock.advance(by: .seconds(60))
            #expect(wakings.elements == [10, 20, 30, 40, 50].map { .seconds($0) })
            #expect(clock.now.offset == .seconds(60))
        }
    }

    @Test func timersScheduledByTimersFireInOneAdvance() async throws {
        try await self.withClock { clock, group in
            let timers = TimerQueue(clock: clock)
            let fired = Collector<Duration>()
            @Sendable func schedule(_ count: Int) {
                guard count > 0 else { return }
                timers.schedule(after: .seconds(7)) {
                    fired.append(clock.now.offset)
                    schedule(count - 1)
                }
            }
            group.addTask { await timers.run() }
            schedule(10)
            await clock.advance(by: .seconds(70))
            #expect(fired.elements == (1...10).map { .seconds($0 * 7) })
        }
    }

    // MARK: - Instants

    @Test func oneWhoseTimeHasNotComeSleepsOn() async throws {
        try await self.withClock { clock, group in
            group.addTask { try await clock.sleep(for: .seconds(1)) }
            await clock.advance(by: .milliseconds(999))
            #expect(clock.sleeperCount == 1)
            await clock.advance(by: .milliseconds(1))
            #expect(clock.sleeperCount == 0)
        }
    }

    @Test func nobodySleepsUntilAPastInstantOrForNoTime() async throws {
        try await self.withClock { clock, _ in
            await clock.advance(by: .seconds(5))
            try await clock.sleep(until: VirtualClock.Instant(offset: .seconds(5)))
            try await clock.sleep(until: VirtualClock.Instant(offset: .zero))
            try await clock.sleep(for: .zero)
            #expect(clock.now.offset == .seconds(5))
        }
    }

    // MARK: - Exactness

    @Test(arguments: [nil, 1, 2, 3] as [UInt64?]) func aLongWayBetweenTwoSleepsIsWaitedFor(seed: UInt64?) async throws {
        try await self.withClock(seed: seed) { clock, group in
            let wakings = Collector<Duration>()
            group.addTask {
                for _ in 0..<3 {
                    try await clock.sleep(for: .seconds(1))
                    wakings.append(clock.now.offset)
                    for _ in 0..<10_000 { await Task.yield() }
                }
            }
            await clock.advance(by: .seconds(3))
            #expect(wakings.elements == [.seconds(1), .seconds(2), .seconds(3)])
        }
    }

    @Test func whatWasSetOffBeforeIsWaitedForFirst() async throws {
        try await self.withClock { clock, group in
            let wakings = Collector<Duration>()
            group.addTask {
                for _ in 0..<1000 { await Task.yield() }
                try await clock.sleep(for: .seconds(1))
                wakings.append(clock.now.offset)
            }
            await clock.advance(by: .seconds(1))
            #expect(wakings.elements == [.seconds(1)])
        }
    }

    @Test(arguments: [nil, 1, 2, 3] as [UInt64?]) func actorsAndTheirMessagesAreWaitedFor(seed: UInt64?) async throws {
        actor Player {
            private(set) var hits = 0
            func hit(_ left: Int, against other: Player) async {
                self.hits += 1
                if left > 0 { await other.hit(left - 1, against: self) }
            }
        }
        try await self.withClock(seed: seed) { clock, group in
            let players = [Player(), Player(), Player(), Player()]
            for index in players.indices {
                group.addTask {
                    try await clock.sleep(for: .seconds(1))
                    await players[index].hit(300, against: players[(index + 1) % players.count])
                }
            }
            await clock.advance(by: .seconds(1))
            var hits = 0
            for player in players { hits += await player.hits }
            #expect(hits == 4 * 301)
        }
    }

    @Test func nestedTaskGroupsAreWaitedFor() async throws {
        @Sendable func spread(_ depth: Int, _ leaves: Locked<Int>, on clock: VirtualClock) async {
            guard depth > 0 else { return leaves.withLock { $0 += 1 } }
            await withTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        try? await clock.sleep(for: .seconds(1))
                        await spread(depth - 1, leaves, on: clock)
                    }
                }
            }
        }
        try await self.withClock { clock, group in
            let leaves = Locked(0)
            group.addTask { await spread(5, leaves, on: clock) }
            await clock.advance(by: .seconds(4))
            #expect(leaves.withLock { $0 } == 0)
            await clock.advance(by: .seconds(1))
            #expect(leaves.withLock { $0 } == 1024)
        }
    }

    @Test func attemptsAfterOneTwoAndFourSecondsAreMadeAtTheirInstants() async throws {
        try await self.withClock { clock, group in
            let attempts = Collector<Duration>()
            let (results, continuation) = AsyncStream.makeStream(of: Bool.self)
            // What is tried, and who tries it again, are two tasks with a stream between them.
            let (requests, request) = AsyncStream.makeStream(of: Void.self)
            group.addTask {
                for await _ in requests {
                    attempts.append(clock.now.offset)
                    continuation.yield(false)
                }
            }
            group.addTask {
                request.yield()
                var delay = Duration.seconds(1)
                for await succeeded in results where !succeeded && delay <= .seconds(4) {
                    try await clock.sleep(for: delay)
                    delay *= 2
                    request.yield()
                }
            }
            await clock.advance(by: .milliseconds(2999))
            #expect(attempts.elements == [.zero, .seconds(1)])
            await clock.advance(by: .seconds(100))
            #expect(attempts.elements == [0, 1, 3, 7].map { .seconds($0) })
        }
    }

    @Test func anAdvanceByZeroWaitsForQuiet() async throws {
        try await self.withClock { clock, group in
            let done = Latch()
            group.addTask {
                for _ in 0..<1000 { await Task.yield() }
                done.open()
            }
            await clock.advance(by: .zero)
            #expect(done.isOpen)
            #expect(clock.now.offset == .zero)
        }
    }

    @Test func aWaitInRealTimeIsNotWaitedFor() async throws {
        try await self.withClock { clock, group in
            let slept = Latch()
            group.addTask {
                try await ContinuousClock().sleep(for: .seconds(3600))
                slept.open()
            }
            await clock.advance(by: .seconds(7200))
            #expect(clock.now.offset == .seconds(7200))
            #expect(!slept.isOpen)
        }
    }

    @Test func oneWhoCameBackFromRealTimeIsPartOfTheWorldAgain() async throws {
        try await self.withClock { clock, group in
            let isBack = Latch()
            let wakings = Collector<Duration>()
            group.addTask {
                try await ContinuousClock().sleep(for: .milliseconds(1))
                isBack.open()
                for _ in 0..<1000 { await Task.yield() }
                try await clock.sleep(for: .seconds(1))
                wakings.append(clock.now.offset)
            }
            await isBack.wait()
            await clock.advance(by: .seconds(1))
            #expect(wakings.elements == [.seconds(1)])
        }
    }

    @Test @MainActor func aTestOnTheMainActorAdvancesExactlyToo() async throws {
        let clock = VirtualClock()
        let wakings = Collector<Duration>()
        await withTaskExecutorPreference(clock.executor) {
            await withTaskGroup { group in
                group.addTask {
                    while (try? await clock.sleep(for: .seconds(1))) != nil {
                        for _ in 0..<1000 { await Task.yield() }
                        wakings.append(clock.now.offset)
                    }
                }
                for second in 1...20 {
                    await clock.advance(by: .seconds(1))
                    MainActor.assertIsolated()
                    #expect(wakings.elements.last == .seconds(second))
                }
                group.cancelAll()
            }
        }
    }

    // MARK: - Cancellation

    @Test func cancellingASleeperWakesItAtOnce() async throws {
        try await self.withClock { clock, group in
            let outcomes = Collector<Bool>()
            await withTaskGroup { group in
                group.addTask {
                    do { try await clock.sleep(for: .seconds(1)) } catch { outcomes.append(error is CancellationError) }
                }
                await clock.advance(by: .zero)
                #expect(clock.sleeperCount == 1)
                group.cancelAll()
            }
            #expect(outcomes.elements == [true])
            #expect(clock.sleeperCount == 0)
            #expect(clock.now.offset == .zero)
        }
    }

    @Test func aCancelledTaskDoesNotSleep() async throws {
        try await self.withClock { clock, group in
            group.cancelAll()
            group.addTask { try await clock.sleep(for: .seconds(1)) }
            let result = await group.nextResult()
            #expect(throws: CancellationError.self) { try result?.get() }
        }
    }

    @Test func cancellingEndsAnAdvanceThatNeverGetsQuiet() async throws {
        try await self.withClock { clock, group in
            let isAdvancing = Latch()
            group.addTask {
                while !Task.isCancelled {
                    await Task.yield()
                    isAdvancing.open()
                }
            }
            group.addTask { try await clock.sleep(for: .seconds(1)) }
            group.addTask { await clock.advance(by: .seconds(10)) }
            await isAdvancing.wait()
            group.cancelAll()
            try? await group.waitForAll()
            #expect(clock.now.offset == .zero)
        }
    }

    // MARK: - Outside of the executor

    @Test func aClockWhoseExecutorNobodyUsesWakesItsSleepers() async {
        let clock = VirtualClock()
        await withThrowingTaskGroup { group in
            for seconds in [3, 1, 2] { group.addTask { try await clock.sleep(for: .seconds(seconds)) } }
            try? await eventually("all sleep", equals: 3) { clock.sleeperCount }
            await clock.advance(by: .milliseconds(2999))
            #expect(clock.sleeperCount == 1)
            await clock.advance(by: .milliseconds(1))
        }
        #expect(clock.now.offset == .seconds(3))
    }

    @Test func oneWhoSleepsOutsideIsWokenToo() async throws {
        let clock = VirtualClock()
        try await withThrowingTaskGroup(of: Duration.self) { outsiders in
            outsiders.addTask {
                try await clock.sleep(for: .seconds(1))
                return clock.now.offset
            }
            try await eventually("the outsider sleeps", equals: 1) { clock.sleeperCount }
            await withTaskExecutorPreference(clock.executor) {
                await withTaskGroup { group in
                    group.addTask { try? await clock.sleep(for: .seconds(2)) }
                    await clock.advance(by: .seconds(2))
                }
            }
            _ = try await outsiders.next()
            #expect(clock.now.offset == .seconds(2))
        }
    }
}
