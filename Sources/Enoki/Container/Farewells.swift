import DequeModule

/// What containers say to their broker when they stop. It is waited for only so long: a broker that says nothing must not take the time
/// that calls have to end. What is not done by then goes on, until the connection ends.
final class Farewells: Sendable {
    typealias Farewell = @Sendable () async -> Void

    private struct State {
        var waiting = Deque<Farewell>()
        var reader: CheckedContinuation<Farewell?, Never>?
        var isOver = false
    }

    private let state = Locked(State())

    /// Does what is to be said until ``end()``, also in a task that is cancelled: those who are killed say farewell too.
    func run() async {
        await withDiscardingTaskGroup { group in
            while let farewell = await self.next() { group.addTask { await farewell() } }
        }
    }

    /// Nobody says anything any more.
    func end() {
        let reader = self.state.withLock { state in
            defer { state.reader = nil }
            state.isOver = true
            return state.reader
        }
        reader?.resume(returning: nil)
    }

    private enum End { case inTime, late, notTaken }

    /// Has `farewell` done, and returns when that has ended or is due, also in a task that is cancelled.
    ///
    /// - Returns: Whether it has ended.
    @discardableResult
    func say(until due: Duration, by timers: TimerQueue, _ farewell: @escaping Farewell) async -> Bool {
        let end = await withCheckedContinuation { continuation in
            let waiting = Locked<CheckedContinuation<End, Never>?>(continuation)
            let goOn: @Sendable (End) -> Void = { end in
                let continuation = waiting.withLock { waiting in
                    defer { waiting = nil }
                    return waiting
                }
                continuation?.resume(returning: end)
            }
            let timer = timers.schedule(at: due) { goOn(.late) }
            let isTaken = self.submit {
                await farewell()
                timers.cancel(timer)
                goOn(.inTime)
            }
            guard !isTaken else { return }
            timers.cancel(timer)
            goOn(.notTaken)
        }
        // The connection ends already, and with it what is said on it.
        if end == .notTaken { await farewell() }
        return end != .late
    }

    /// - Returns: Whether somebody will do it.
    private func submit(_ farewell: @escaping Farewell) -> Bool {
        let (reader, isTaken) = self.state.withLock { state -> (CheckedContinuation<Farewell?, Never>?, Bool) in
            guard !state.isOver else { return (nil, false) }
            if state.reader == nil { state.waiting.append(farewell) }
            defer { state.reader = nil }
            return (state.reader, true)
        }
        reader?.resume(returning: farewell)
        return isTaken
    }

    private func next() async -> Farewell? {
        await withCheckedContinuation { continuation in
            let ready = self.state.withLock { state -> Farewell?? in
                if let farewell = state.waiting.popFirst() { return .some(farewell) }
                if state.isOver { return .some(nil) }
                state.reader = continuation
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
