/// Counts what has begun and not ended, and lets others wait until nothing is under way.
final class InFlight: Sendable {
    private struct State {
        var count = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())

    /// One more has begun.
    func begin() { self.state.withLock { $0.count += 1 } }

    /// One has ended.
    func end() {
        let waiting = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.count -= 1
            guard state.count == 0 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when nothing is under way.
    func waitUntilNone() async {
        await withCheckedContinuation { continuation in
            let isNone = self.state.withLock { state in
                if state.count > 0 { state.waiting.append(continuation) }
                return state.count == 0
            }
            if isNone { continuation.resume() }
        }
    }
}
