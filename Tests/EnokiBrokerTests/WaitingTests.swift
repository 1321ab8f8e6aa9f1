import EnokiBroker
import Testing

/// The two ways in which tasks wait: for a signal, again and again, and for a latch, once.
@Suite struct WaitingTests {
    @Test func aSignalIsKeptForTheNextWaiter() async {
        let signal = Signal()
        signal.signal()
        signal.signal()
        await signal.wait()
        // The second signal was the same as the first: this wait must end by the cancellation alone.
        await withTaskGroup { group in
            group.addTask { await signal.wait() }
            group.cancelAll()
        }
    }

    @Test func aSignalWakesItsWaiterAfterEarlierOnesWereCancelled() async {
        let signal = Signal()
        for _ in 0..<100 {
            await withTaskGroup { group in
                group.addTask { await signal.wait() }
                group.cancelAll()
            }
        }
        await withTaskGroup { group in
            group.addTask { await signal.wait() }
            group.addTask { signal.signal() }
        }
    }

    @Test func aLatchLetsEverybodyThroughOnceItIsOpen() async {
        let latch = Latch()
        #expect(!latch.isOpen)
        await withTaskGroup { group in
            for _ in 0..<10 { group.addTask { await latch.wait() } }
            group.addTask { latch.open() }
        }
        await latch.wait()
        #expect(latch.isOpen)
    }

    @Test func aCancelledTaskDoesNotWaitForALatch() async {
        let latch = Latch()
        await withTaskGroup { group in
            for _ in 0..<10 { group.addTask { await latch.wait() } }
            group.cancelAll()
        }
        #expect(!latch.isOpen)
    }
}
