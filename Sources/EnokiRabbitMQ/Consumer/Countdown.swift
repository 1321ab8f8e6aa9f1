import EnokiBroker

/// Calls `action` when it was counted down as often as it was told to; at once when that is never.
final class Countdown: Sendable {
    private let remaining: Locked<Int>
    private let action: @Sendable () -> Void

    init(_ count: Int, _ action: @escaping @Sendable () -> Void) {
        self.remaining = Locked(count)
        self.action = action
        if count == 0 { action() }
    }

    func down() {
        let isLast = self.remaining.withLock { remaining in
            remaining -= 1
            return remaining == 0
        }
        if isLast { self.action() }
    }
}
