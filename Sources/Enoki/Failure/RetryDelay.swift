/// How long a message waits for its next attempt.
package struct RetryDelay: Sendable, Hashable {
    /// Which of the broker's waiting queues it waits in; whole milliseconds.
    package let step: Duration
    /// How long it waits there: the step with its jitter.
    package let delay: Duration

    package init(step: Duration, delay: Duration) {
        self.step = step
        self.delay = delay
    }

    /// No time at all: the message goes to the end of its queue.
    static let none = RetryDelay(step: .zero, delay: .zero)

    /// The longest step: with the most jitter the broker can still hold it.
    static let longest = Duration.milliseconds(WireLimits.longestTime.wholeMilliseconds / 11 * 10)

    /// The delay that a handler asked for with ``Retry``, without jitter.
    init(asked delay: Duration) {
        let milliseconds = min(max(delay, .zero), Self.longest).wholeMilliseconds
        var unit: Int64 = 1
        while milliseconds / unit >= 100 { unit *= 10 }
        // Bounds the number of queues on the broker to 90 for each power of ten, whatever handlers ask for.
        let rounded = Duration.milliseconds((milliseconds + unit - 1) / unit * unit)
        self.init(step: rounded, delay: rounded)
    }
}
