/// Decides when to show that we are alive, and when the broker is to be thought dead; performs no I/O.
///
/// Both sides send something at least every half interval; who hears nothing for two intervals gives the other up.
struct Heartbeat {
    private let interval: Duration
    private var lastSent: ContinuousClock.Instant
    private var lastReceived: ContinuousClock.Instant

    enum Action: Equatable {
        case wait(until: ContinuousClock.Instant)
        case send
        case giveUp
    }

    init(interval: Duration, now: ContinuousClock.Instant) {
        self.interval = interval
        self.lastSent = now
        self.lastReceived = now
    }

    /// Something was sent.
    mutating func sent(at now: ContinuousClock.Instant) { self.lastSent = now }

    /// Something came.
    mutating func received(at now: ContinuousClock.Instant) { self.lastReceived = now }

    /// What is due.
    func due(at now: ContinuousClock.Instant) -> Action {
        let end = self.lastReceived + self.interval * 2
        if now >= end { return .giveUp }
        let next = self.lastSent + self.interval / 2
        return now >= next ? .send : .wait(until: min(next, end))
    }
}
