import Dispatch
import EnokiBroker

/// Runs the tasks of one virtual world, one at a time, and knows when none of them can go on.
///
/// That knowledge is what makes ``VirtualClock/advance(by:)`` exact, and the order in which it runs them is what makes a test
/// repeatable: without a seed those that can go on take turns; a seed picks one of them at each step, and picks the same
/// ones again in the next run.
///
/// ```swift
/// let clock = VirtualClock(seed: 42)
/// try await withTaskExecutorPreference(clock.executor) {
///     …                                           // brokers, services and the test itself
/// }
/// ```
///
/// Everything structured within belongs to the world: child tasks and task groups, `async let`, actors, and whatever was
/// resumed, by whomever. Outside of it are `Task { }` and `Task.detached`, the main actor and actors with executors of their
/// own, threads, timers in real time and the network: what is done there is not waited for, and the order of its results is
/// not the seed's.
///
/// It has no thread of its own: while something can run, it borrows one at a time from Dispatch. A job that blocks it blocks
/// its own world and no other.
public final class VirtualExecutor: TaskExecutor {
    /// What picks the order; `nil` where those who can go on take turns.
    public let seed: UInt64?

    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var ready: RunQueue<UnownedJob>
        /// Whether a thread runs jobs, or is asked for.
        var isBusy = false
        /// Whether anything has ever run here.
        var isUsed = false
        /// Those who wait until nothing can run, each for its own turn.
        var waiters: [Waiter] = []
        var lastID: UInt64 = 0
    }

    private enum Step { case run(UnownedJob), wake(Waiter), stop }

    /// How many jobs run before other worlds get the thread.
    private static let turn = 32

    private let state: Locked<State>

    /// An executor that nothing runs on.
    ///
    /// - Parameter seed: Picks the order in which tasks go on; by default they take turns.
    init(seed: UInt64?) {
        self.seed = seed
        self.state = Locked(State(ready: RunQueue(seed: seed)))
    }

    /// Whether anything has ever run here.
    var isUsed: Bool { self.state.withLock { $0.isUsed } }

    /// Whether the present task runs here.
    var hasCurrentTask: Bool {
        withUnsafeCurrentTask { $0?.unownedTaskExecutor == self.asUnownedTaskExecutor() }
    }

    /// Takes a job that can run; for the Swift runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let wasBusy = self.state.withLock { state in
            state.ready.append(job)
            state.isUsed = true
            defer { state.isBusy = true }
            return state.isBusy
        }
        if !wasBusy { self.borrowThread() }
    }

    /// Returns when no other task can go on: all of them wait, for each other, for the time, or for something outside. It
    /// also returns when the task is cancelled.
    ///
    /// Of several who wait here, one goes on at a time, when what the one before it set off is done.
    func waitUntilQuiet() async {
        let id = self.state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let passes = self.state.withLock { state in
                    // The handler below may have run already, and found nobody to resume.
                    if !state.isBusy || Task.isCancelled { return true }
                    state.waiters.append(Waiter(id: id, continuation: continuation))
                    return false
                }
                if passes { continuation.resume() }
            }
        } onCancel: {
            let waiter = self.state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume()
        }
    }

    private func borrowThread() {
        DispatchQueue.global().async { self.runTurn() }
    }

    private func runTurn() {
        for _ in 0..<Self.turn {
            switch self.next() {
            case .run(let job): job.runSynchronously(on: self.asUnownedTaskExecutor())
            case .wake(let waiter): waiter.continuation.resume()
            case .stop: return
            }
        }
        self.borrowThread()
    }

    private func next() -> Step {
        self.state.withLock { state in
            if let job = state.ready.next() { return .run(job) }
            if !state.waiters.isEmpty { return .wake(state.waiters.removeFirst()) }
            state.isBusy = false
            return .stop
        }
    }
}
