import EnokiBroker
import Testing

@Suite struct TimerQueueTests {
    @Test func firesInTheOrderOfTheirDueTimes() async {
        let queue = TimerQueue(clock: ContinuousClock())
        let fired = Locked([Int]())
        await withTaskGroup { group in
            await withCheckedContinuation { done in
                let now = queue.now
                queue.schedule(at: now + .milliseconds(20)) {
                    fired.withLock { $0.append(3) }
                    done.resume()
                }
                queue.schedule(at: now + .milliseconds(10)) { fired.withLock { $0.append(1) } }
                queue.schedule(at: now + .milliseconds(15)) { fired.withLock { $0.append(2) } }
                group.addTask { await queue.run() }
            }
            group.cancelAll()
        }
        #expect(fired.withLock { $0 } == [1, 2, 3])
    }

    @Test func aCancelledTimerDoesNotFire() async {
        let queue = TimerQueue(clock: ContinuousClock())
        let fired = Locked([Int]())
        await withTaskGroup { group in
            await withCheckedContinuation { done in
                let cancelled = queue.schedule(after: .milliseconds(1)) { fired.withLock { $0.append(1) } }
                queue.cancel(cancelled)
                queue.schedule(after: .milliseconds(10)) { done.resume() }
                group.addTask { await queue.run() }
            }
            group.cancelAll()
        }
        #expect(fired.withLock { $0 } == [])
    }

    @Test func anEarlierTimerOvertakesTheOneThatIsSleptFor() async {
        let queue = TimerQueue(clock: ContinuousClock())
        await withTaskGroup { group in
            group.addTask { await queue.run() }
            queue.schedule(after: .seconds(3600)) { Issue.record("fired an hour early") }
            for _ in 0..<5 {
                await withCheckedContinuation { done in queue.schedule(after: .milliseconds(2)) { done.resume() } }
            }
            group.cancelAll()
        }
    }
}
