import Enoki

/// Lets so many in at once; the others wait in order.
final class Slots: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Locked<State>

    /// Whether the task has a slot: if it waited for a second one, it might wait for others who do the same.
    @TaskLocal private static var isInside = false

    init(_ count: Int) { self.state = Locked(State(free: count)) }

    /// Runs `body` as soon as a slot is free; at once in a task that has one.
    func withSlot<Value>(_ body: () async throws -> Value) async throws -> Value {
        guard !Self.isInside else { return try await body() }
        await withCheckedContinuation { continuation in
            let enters = self.state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if enters { continuation.resume() }
        }
        defer { self.leave() }
        return try await Self.$isInside.withValue(true) { try await body() }
    }

    private func leave() {
        let next = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
