/// A door that is opened once: everybody who waits goes through, and so does everybody who comes later.
package final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var nextID = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var actions: [@Sendable () -> Void] = []
    }

    private let state = Locked(State())

    package init() {}

    /// Whether it was opened.
    package var isOpen: Bool { self.state.withLock { $0.isOpen } }

    /// Opens it; later calls do nothing.
    package func open() {
        let (waiting, actions) = self.state.withLock { state in
            defer {
                state.waiting = [:]
                state.actions = []
            }
            state.isOpen = true
            return (state.waiting.sorted { $0.key < $1.key }, state.actions)
        }
        // In the order in which they came: that of a dictionary is another one in each run.
        for (_, continuation) in waiting { continuation.resume() }
        for action in actions { action() }
    }

    /// Calls `action` once, when it is opened and by whoever opens it; at once if it is open. No task needs to get its turn for that.
    package func whenOpen(_ action: @escaping @Sendable () -> Void) {
        let isOpen = self.state.withLock { state in
            if !state.isOpen { state.actions.append(action) }
            return state.isOpen
        }
        if isOpen { action() }
    }

    /// Returns when it is open, or when the task is cancelled.
    package func wait() async {
        let id = self.state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let passes = self.state.withLock { state in
                    // The handler below may have run already, and found nobody to resume.
                    if state.isOpen || Task.isCancelled { return true }
                    state.waiting[id] = continuation
                    return false
                }
                if passes { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
        }
    }
}
