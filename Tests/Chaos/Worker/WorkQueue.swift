import EnokiBroker

/// Numbers to be worked on, given out in order and no faster than a rate.
final class WorkQueue: Sendable {
    private let count: Int
    private let pause: Duration
    private let start = ContinuousClock.now
    private let given = Locked(0)

    /// `count` numbers; `rate` is how many a second, 0 any number.
    init(count: Int, rate: Int) {
        self.count = count
        self.pause = rate == 0 ? .zero : .seconds(1) / rate
    }

    /// The next number when it is due; `nil` when all were given out, or when the task is cancelled.
    func next() async -> Int? {
        let number = self.given.withLock { given -> Int? in
            guard given < self.count else { return nil }
            defer { given += 1 }
            return given
        }
        guard let number, !Task.isCancelled else { return nil }
        if self.pause > .zero {
            try? await ContinuousClock().sleep(until: self.start + self.pause * number, tolerance: .milliseconds(1))
        }
        return number
    }
}
