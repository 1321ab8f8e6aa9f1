import Dispatch
import EnokiBroker
import EnokiTestSupport
import Foundation
import Testing

@testable import EnokiInProcess

@Suite(.serialized, .timeLimit(.minutes(5))) struct VirtualExecutorTests {
    /// Five tasks that each leave a mark at each of five steps.
    private func trace(seed: UInt64?) async -> String {
        let marks = Collector<String>()
        await withTaskExecutorPreference(VirtualClock(seed: seed).executor) {
            await withTaskGroup { group in
                for name in ["a", "b", "c", "d", "e"] {
                    group.addTask {
                        for step in 0..<5 {
                            marks.append("\(name)\(step)")
                            await Task.yield()
                        }
                    }
                }
            }
        }
        return marks.elements.joined(separator: " ")
    }

    @Test func withoutASeedTasksTakeTurns() async {
        let rounds = (0..<5).map { step in ["a", "b", "c", "d", "e"].map { "\($0)\(step)" }.joined(separator: " ") }
        #expect(await self.trace(seed: nil) == rounds.joined(separator: " "))
    }

    @Test func theSameSeedGivesTheSameRunAndAnotherSeedAnother() async {
        var traces: Set<String> = []
        for seed in UInt64(0)..<300 {
            let first = await self.trace(seed: seed)
            #expect(await self.trace(seed: seed) == first)
            traces.insert(first)
        }
        #expect(traces.count == 300)
    }

    /// Actors, streams, task groups, `async let` and cancellation all go through the executor.
    private func mixedTrace(seed: UInt64) async -> [String] {
        actor Account {
            private var balance = 0
            func deposit(_ amount: Int) async -> Int {
                self.balance += amount
                await Task.yield()
                return self.balance
            }
        }
        let marks = Collector<String>()
        let clock = VirtualClock(seed: seed)
        await withTaskExecutorPreference(clock.executor) {
            let accounts = [Account(), Account(), Account()]
            let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
            await withTaskGroup { group in
                group.addTask { for await number in stream { marks.append("read \(number)") } }
                for worker in 0..<4 {
                    group.addTask {
                        for turn in 1...3 {
                            try? await clock.sleep(for: .seconds(turn))
                            async let left = accounts[worker % 3].deposit(turn)
                            async let right = accounts[turn % 3].deposit(worker)
                            marks.append("\(worker) \(await left) \(await right)")
                            continuation.yield(worker * 10 + turn)
                        }
                    }
                }
                group.addTask { try? await clock.sleep(for: .seconds(100)) }
                await clock.advance(by: .seconds(10))
                marks.append("quiet")
                continuation.finish()
                group.cancelAll()
            }
        }
        return marks.elements
    }

    @Test func aSeedDecidesTheOrderOfActorsAndStreamsToo() async {
        var traces: Set<[String]> = []
        for seed in UInt64(0)..<200 {
            let first = await self.mixedTrace(seed: seed)
            #expect(await self.mixedTrace(seed: seed) == first)
            #expect(first.last == "quiet" && first.count == 4 * 3 * 2 + 1)
            traces.insert(first)
        }
        #expect(traces.count > 190)
    }

    @Test func oneTaskRunsAtATime() async {
        let inside = Locked(0)
        await withTaskExecutorPreference(VirtualClock().executor) {
            await withTaskGroup { group in
                for _ in 0..<50 {
                    group.addTask {
                        for _ in 0..<100 {
                            #expect(
                                inside.withLock {
                                    $0 += 1; return $0
                                } == 1
                            )
                            inside.withLock { $0 -= 1 }
                            await Task.yield()
                        }
                    }
                }
            }
        }
    }

    @Test func aThousandWorldsDoNotKnowOfEachOther() async {
        let expected = await self.mixedTrace(seed: 7)
        await withTaskGroup(of: [String].self) { group in
            for _ in 0..<1000 { group.addTask { await self.mixedTrace(seed: 7) } }
            for await trace in group { #expect(trace == expected) }
        }
    }

    @Test func aWorldThatNeverRestsLeavesTheOthersTheirTurns() async {
        await withTaskGroup { group in
            for _ in 0...ProcessInfo.processInfo.activeProcessorCount {
                group.addTask {
                    await withTaskExecutorPreference(VirtualClock().executor) {
                        while !Task.isCancelled { await Task.yield() }
                    }
                }
            }
            let trace = await self.trace(seed: 1)
            #expect(trace == (await self.trace(seed: 1)))
            group.cancelAll()
        }
    }

    @Test func aJobThatBlocksItsThreadBlocksNoOtherWorld() async {
        let gate = DispatchSemaphore(value: 0)
        @Sendable func block() { gate.wait() }
        let isBlocking = Latch()
        await withTaskGroup { group in
            group.addTask {
                await withTaskExecutorPreference(VirtualClock().executor) {
                    isBlocking.open()
                    block()
                }
            }
            await isBlocking.wait()
            let clock = VirtualClock()
            await withTaskExecutorPreference(clock.executor) {
                async let sleeping: Void? = try? clock.sleep(for: .seconds(1))
                await clock.advance(by: .seconds(1))
                await sleeping
            }
            gate.signal()
        }
    }

    @Test func anExecutorLivesNoLongerThanItsWorld() async throws {
        weak var executor: VirtualExecutor?
        do {
            let clock = VirtualClock(seed: 1)
            executor = clock.executor
            await withTaskExecutorPreference(clock.executor) {
                await withTaskGroup { group in
                    for _ in 0..<10 { group.addTask { try? await clock.sleep(for: .seconds(1)) } }
                    await clock.advance(by: .seconds(1))
                }
            }
        }
        // The last thread that it borrowed may still be on its way out.
        try await eventually("the executor is gone") { executor == nil }
    }
}
