/// A call that may take a limited time: decides, of all that can happen at once, what happened first.
final class TimedCall: Sendable {
    private enum Phase { case running, expired, leaked, ended }

    /// What it is cancelled with.
    let timeout: HandlerTimeout
    private let phase = Locked(Phase.running)

    init(_ timeout: HandlerTimeout) { self.timeout = timeout }

    /// Its time is over.
    ///
    /// - Returns: Whether it is to be cancelled; false when it has ended.
    func expire() -> Bool { self.pass(from: .running, to: .expired) }

    /// It was cancelled and did not end for a while.
    ///
    /// - Returns: Whether it has leaked; false when it has ended.
    func leak() -> Bool { self.pass(from: .expired, to: .leaked) }

    /// It has ended.
    ///
    /// - Returns: Whether it had leaked.
    func end() -> Bool {
        self.phase.withLock { phase in
            defer { phase = .ended }
            return phase == .leaked
        }
    }

    /// Whether its time was over before it ended.
    var hasExpired: Bool { self.phase.withLock { $0 == .expired || $0 == .leaked } }

    private func pass(from expected: Phase, to next: Phase) -> Bool {
        self.phase.withLock { phase in
            guard phase == expected else { return false }
            phase = next
            return true
        }
    }
}
