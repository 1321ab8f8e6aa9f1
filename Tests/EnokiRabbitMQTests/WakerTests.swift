import EnokiBroker
import EnokiTestTraits
import Testing

@testable import EnokiRabbitMQ

@Suite struct WakerTests {
    @Test(.ownThread) func whatCouldNotBeHadAtFirstIsAskedForAgain() {
        let isExhausted = Locked(true)
        let waker = Waker { isExhausted.withLock { $0 } ? nil : Platform.makeWakeDescriptors() }
        #expect(!waker.isReady())
        #expect(waker.descriptor == -1)
        // It does nothing, and nobody sleeps for long.
        waker.wake()
        waker.sleep(for: .seconds(86_400))
        isExhausted.withLock { $0 = false }
        #expect(waker.isReady())
        #expect(waker.descriptor >= 0)
        waker.wake()
        waker.sleep(for: .seconds(86_400))
    }
}
