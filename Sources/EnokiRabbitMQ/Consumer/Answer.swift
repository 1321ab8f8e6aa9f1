import EnokiBroker

/// Waits for an answer that is told once, or until the task is cancelled: then the answer is nobody's.
final class Answer<Value: Sendable>: Sendable {
    private enum State {
        case open
        case waiting(CheckedContinuation<Value?, Never>)
        /// Told before anybody waited; `nil` when the task was cancelled.
        case known(Value?)
        case over
    }

    private let state = Locked(State.open)

    /// The answer has come.
    func tell(_ value: Value) { self.end(value) }

    /// The answer; `nil` when the task is cancelled before.
    func value() async -> Value? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known = self.state.withLock { state -> Value?? in
                    guard case .known(let value) = state else {
                        state = .waiting(continuation)
                        return nil
                    }
                    state = .over
                    return .some(value)
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            self.end(nil)
        }
    }

    private func end(_ value: Value?) {
        let continuation = self.state.withLock { state -> CheckedContinuation<Value?, Never>? in
            switch state {
            case .open:
                state = .known(value)
                return nil
            case .waiting(let continuation):
                state = .over
                return continuation
            case .known, .over: return nil
            }
        }
        continuation?.resume(returning: value)
    }
}
