/// Wakes one waiting task; a signal given while nobody waits is kept for the next.
///
/// An `AsyncStream` cannot serve: cancelling one of its readers ends it for all later ones.
package final class Signal: Sendable {
    private enum State {
        case idle
        case signalled
        case waiting(CheckedContinuation<Void, Never>)
    }

    private let state = Locked(State.idle)

    package init() {}

    /// Wakes the waiter, or lets the next one through. Many signals without a waiter count as one.
    package func signal() {
        let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard case .waiting(let waiter) = state else {
                state = .signalled
                return nil
            }
            state = .idle
            return waiter
        }
        waiter?.resume()
    }

    /// Returns at the next signal, or when the task is cancelled. Only one task may wait at a time; a second one sends
    /// the first on its way.
    package func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumed = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
                    if case .signalled = state {
                        state = .idle
                        return [continuation]
                    }
                    // The handler below may have run already, and found nobody to resume.
                    if Task.isCancelled { return [continuation] }
                    defer { state = .waiting(continuation) }
                    return if case .waiting(let former) = state { [former] } else { [] }
                }
                for continuation in resumed { continuation.resume() }
            }
        } onCancel: {
            let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard case .waiting(let waiter) = state else { return nil }
                state = .idle
                return waiter
            }
            waiter?.resume()
        }
    }
}
