/// Which of many like events are worth a line in the log: the first, and then each that doubles their number.
struct Doublings: Sendable, Hashable {
    private let window: Duration
    private var start: Duration?
    private var count = 0

    /// Counts anew when `window` has passed since the first.
    init(within window: Duration) { self.window = window }

    /// One more, at `now`.
    ///
    /// - Returns: How many there are by now; `nil` for one that is not worth a line.
    mutating func note(at now: Duration) -> Int? {
        if let start = self.start, now - start < self.window {
            self.count += 1
        } else {
            self.start = now
            self.count = 1
        }
        return self.count & (self.count - 1) == 0 ? self.count : nil
    }
}
