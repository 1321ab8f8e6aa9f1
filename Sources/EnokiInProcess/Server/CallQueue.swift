import DequeModule
import EnokiBroker

/// Calls what publishes and other inputs complete, in the order in which it was given.
///
/// A completion may publish again, and that one's completion too, for ever: whoever is calling completions already goes on
/// with theirs, so that the stack does not grow.
final class CallQueue: Sendable {
    private struct State {
        var waiting = Deque<@Sendable () -> Void>()
        var isCalling = false
    }

    private let state = Locked(State())

    /// Calls `completion`, on this thread or on one that is calling others now.
    func call(_ completion: @escaping @Sendable () -> Void) {
        let isFirst = self.state.withLock { state in
            state.waiting.append(completion)
            defer { state.isCalling = true }
            return !state.isCalling
        }
        guard isFirst else { return }
        while let next = self.next() { next() }
    }

    private func next() -> (@Sendable () -> Void)? {
        self.state.withLock { state in
            let next = state.waiting.popFirst()
            state.isCalling = next != nil
            return next
        }
    }
}
