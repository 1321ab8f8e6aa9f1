/// A point in time until which something must be done, by the process's clock.
public struct Deadline: Sendable {
    private let due: Duration
    private let timers: TimerQueue

    init(after delay: Duration, timers: TimerQueue) {
        self.due = timers.now + delay
        self.timers = timers
    }

    /// How much time is left; negative when it has passed.
    public var remaining: Duration { self.due - self.timers.now }
}
