import Testing

@testable import EnokiRabbitMQ

@Suite struct FrameWatchTests {
    private let start = ContinuousClock.now
    private var watch = FrameWatch(heartbeat: .seconds(1))

    @Test mutating func aFrameMayTakeTwoHeartbeats() {
        self.watch.waits(forFrameOf: 100, at: self.start)
        #expect(self.watch.deadline == self.start + .seconds(2))
    }

    @Test mutating func aLargeFrameMayTakeLonger() {
        self.watch.waits(forFrameOf: 10 * FrameWatch.slowest, at: self.start)
        #expect(self.watch.deadline == self.start + .seconds(10))
    }

    /// Its size is known when its header is whole.
    @Test mutating func whatComesOfAFrameGivesItNoMoreTimeThanItsSizeDoes() {
        self.watch.waits(forFrameOf: 0, at: self.start)
        for second in 1...3 { self.watch.waits(forFrameOf: 3 * FrameWatch.slowest, at: self.start + .seconds(second)) }
        #expect(self.watch.deadline == self.start + .seconds(3))
    }

    @Test mutating func theNextFrameHasItsOwnTime() {
        self.watch.waits(forFrameOf: 100, at: self.start)
        self.watch.ended()
        #expect(self.watch.deadline == nil)
        self.watch.waits(forFrameOf: 100, at: self.start + .seconds(5))
        #expect(self.watch.deadline == self.start + .seconds(7))
    }
}
