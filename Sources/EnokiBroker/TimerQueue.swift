import HeapModule

/// Runs closures when they are due by one clock: the one place where deadlines, expiries and retry delays wait.
///
/// Scheduling and cancelling are cheap and wake nobody, unless the new timer is due before all others. Nothing fires
/// unless ``run()`` runs, so every timer has an owner.
package final class TimerQueue: Sendable {
    /// Names a scheduled timer.
    package struct ID: Hashable, Sendable {
        fileprivate let sequence: UInt64
    }

    private struct Entry: Comparable {
        let due: Duration
        let sequence: UInt64

        // Timers due at the same instant fire in the order in which they were scheduled.
        static func < (left: Entry, right: Entry) -> Bool {
            (left.due, left.sequence) < (right.due, right.sequence)
        }
    }

    private struct State {
        var heap = Heap<Entry>()
        var actions: [UInt64: @Sendable () -> Void] = [:]
        var nextSequence: UInt64 = 0
        /// When the sleeper wakes by itself; `nil` while it is awake or waits for a first timer.
        var sleepingUntil: Duration?
    }

    private let state = Locked(State())
    private let elapsed: @Sendable () -> Duration
    private let sleep: @Sendable (_ until: Duration) async throws -> Void
    private let wakeUp = Signal()

    package init(clock: some Clock<Duration>) {
        let origin = clock.now
        self.elapsed = { origin.duration(to: clock.now) }
        self.sleep = { try await clock.sleep(until: origin.advanced(by: $0), tolerance: nil) }
    }

    /// The time since the queue was made, by its clock.
    package var now: Duration { self.elapsed() }

    /// Runs `action` once, `delay` from now. `action` is called on the queue's task and must not block.
    @discardableResult
    package func schedule(after delay: Duration, _ action: @escaping @Sendable () -> Void) -> ID {
        self.schedule(at: self.elapsed() + delay, action)
    }

    /// Runs `action` once, when ``now`` reaches `due`.
    @discardableResult
    package func schedule(at due: Duration, _ action: @escaping @Sendable () -> Void) -> ID {
        let (id, isEarliest) = self.state.withLock { state in
            let sequence = state.nextSequence
            state.nextSequence += 1
            state.heap.insert(Entry(due: due, sequence: sequence))
            state.actions[sequence] = action
            return (ID(sequence: sequence), state.sleepingUntil.map { due < $0 } ?? true)
        }
        if isEarliest { self.wakeUp.signal() }
        return id
    }

    /// Cancels a timer; one that has fired is left alone.
    package func cancel(_ id: ID) {
        self.state.withLock { state in
            guard state.actions.removeValue(forKey: id.sequence) != nil else { return }
            // The heap keeps the entry until it is due. Rebuilding it when most entries are dead bounds its size, at
            // a constant cost per timer.
            if state.heap.count > 64, state.actions.count < state.heap.count / 2 {
                state.heap = Heap(state.heap.unordered.filter { state.actions[$0.sequence] != nil })
            }
        }
    }

    /// Cancels all timers.
    package func cancelAll() {
        let actions = self.state.withLock { state in
            state.heap = Heap()
            defer { state.actions = [:] }
            return state.actions
        }
        // What they hold is released outside the lock.
        withExtendedLifetime(actions) {}
    }

    /// Fires timers as they fall due, until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            self.fireDue()
            let next = self.state.withLock { state in
                state.sleepingUntil = state.heap.min?.due
                return state.sleepingUntil
            }
            if let next {
                await withTaskGroup { group in
                    group.addTask { try? await self.sleep(next) }
                    group.addTask { await self.wakeUp.wait() }
                    await group.next()
                    group.cancelAll()
                }
            } else {
                await self.wakeUp.wait()
            }
        }
    }

    private func fireDue() {
        while let action = self.popDue() { action() }
    }

    private func popDue() -> (@Sendable () -> Void)? {
        let now = self.elapsed()
        return self.state.withLock { state in
            state.sleepingUntil = nil
            while let first = state.heap.min, first.due <= now {
                state.heap.removeMin()
                if let action = state.actions.removeValue(forKey: first.sequence) { return action }
            }
            return nil
        }
    }
}
