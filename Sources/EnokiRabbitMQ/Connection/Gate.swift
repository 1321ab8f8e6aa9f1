import EnokiBroker

/// Where callers wait until they can go on: it holds what they need while it is open, and says why while it is not.
final class Gate<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var reason: String
        var isEnded = false
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0

        var isPassable: Bool { self.isEnded || self.value != nil }
    }

    enum Failure: Error {
        /// The time was up; it was shut because of this.
        case timedOut(String)
        case ended
        case cancelled
    }

    private let state: Locked<State>

    init(reason: String) { self.state = Locked(State(reason: reason)) }

    /// What it holds, if it is open.
    var value: Value? { self.state.withLock { $0.value } }

    /// Opens it.
    func open(_ value: Value) { self.change { $0.value = value } }

    /// Shuts it.
    func shut(_ reason: String) {
        self.change {
            $0.value = nil
            $0.reason = reason
        }
    }

    /// Lets everybody through, to learn that there is nothing any more.
    func end() { self.change { $0.isEnded = true } }

    private func change(_ body: (inout State) -> Void) {
        let waiters = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
            body(&state)
            guard state.isPassable else { return [] }
            defer { state.waiters = [:] }
            // First come, first served.
            return state.waiters.sorted { $0.key < $1.key }.map(\.value)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits for the value, at most until `deadline`.
    func value(until deadline: ContinuousClock.Instant) async throws(Failure) -> Value {
        while true {
            let (value, isEnded, reason) = self.state.withLock { state in
                (state.value, state.isEnded, state.reason)
            }
            if isEnded { throw .ended }
            if let value { return value }
            if Task.isCancelled { throw .cancelled }
            if ContinuousClock.now >= deadline { throw .timedOut(reason) }
            await withTaskGroup { group in
                group.addTask { await self.park() }
                group.addTask { try? await ContinuousClock().sleep(until: deadline) }
                await group.next()
                group.cancelAll()
            }
        }
    }

    /// Returns at the next chance to pass, or when the task is cancelled.
    private func park() async {
        let id = self.state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let passes = self.state.withLock { state in
                    // The handler below may have run already, and found nobody.
                    if state.isPassable || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if passes { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
