/// Decides whether the threads of Swift's cooperative pool are stuck; performs no I/O.
///
/// Somebody outside of the pool gives it a small job at each tick, and one tick later sees whether it was done.
struct PoolWatch: Sendable, Hashable {
    /// What is worth a line in the log.
    enum Event: Sendable, Hashable {
        /// No job was done for so long; `number` is which stall it is of late, where that is worth saying.
        case stalled(for: Duration, number: Int?)
        /// No job was done for so long that the process is to end. Told once.
        case exceeded(after: Duration)
        /// Jobs are done again, after a stall of about so long that was told.
        case recovered(after: Duration)
    }

    /// How far two ticks are apart.
    let interval: Duration
    private let threshold: Duration
    private let limit: Duration?
    private var hasExceeded = false
    private var lastTick: Duration?
    private var silence = Duration.zero
    /// The length at which the present stall is told next.
    private var nextReport: Duration
    private var isReported = false
    private var stalls = Doublings(within: .seconds(600))

    /// A pool is stuck when it does nothing for `threshold`, and of no use when it does nothing for `limit`; `nil` is for ever.
    init(threshold: Duration, limit: Duration? = nil) {
        self.threshold = threshold
        self.limit = limit
        self.interval = threshold / 5
        self.nextReport = threshold
    }

    /// Another tick, at `now` by any clock that does not go back.
    ///
    /// A stall is told when it has lasted for the threshold, and each time that its length has doubled; of many in a row
    /// those that double their number. Ticks that come late count as two at most: a process that was stopped is not stuck.
    ///
    /// - Parameter isDone: Whether the job of the tick before was done.
    mutating func tick(at now: Duration, isDone: Bool) -> Event? {
        let passed = self.lastTick.map { min(now - $0, self.interval * 2) } ?? .zero
        self.lastTick = now
        if isDone { return self.end() }
        self.silence += passed
        if let limit = self.limit, self.silence >= limit, !self.hasExceeded {
            self.hasExceeded = true
            return .exceeded(after: self.silence)
        }
        guard self.silence >= self.nextReport else { return nil }
        let isNew = self.nextReport == self.threshold
        self.nextReport *= 2
        let number = isNew ? self.stalls.note(at: now) : nil
        guard number != nil || !isNew else { return nil }
        self.isReported = true
        return .stalled(for: self.silence, number: number)
    }

    private mutating func end() -> Event? {
        defer {
            self.silence = .zero
            self.nextReport = self.threshold
            self.isReported = false
        }
        return self.isReported ? .recovered(after: self.silence) : nil
    }
}
