import DequeModule

/// Lets so many calls of one entrypoint into the pool at once; the others wait before it, in order, and take no worker.
final class ConcurrencyLimit: Sendable {
    private struct State {
        var free: Int
        var waiting = Deque<WorkerPool.Job>()
    }

    private let pool: WorkerPool
    private let state: Locked<State>

    /// A limit of `concurrency` calls before `pool`.
    init(_ concurrency: Int, before pool: WorkerPool) {
        self.pool = pool
        self.state = Locked(State(free: concurrency))
    }

    /// Hands a job to the pool, now or when one that was handed before has ended.
    func submit(_ job: WorkerPool.Job) {
        let isFree = self.state.withLock { state in
            guard state.free > 0 else {
                state.waiting.append(job)
                return false
            }
            state.free -= 1
            return true
        }
        if isFree { self.hand(job) }
    }

    private func hand(_ job: WorkerPool.Job) {
        self.pool.submit(
            WorkerPool.Job(
                run: {
                    await job.run()
                    if let next = self.next() { self.hand(next) }
                },
                discard: {
                    job.discard()
                    // The pool is closed: it would discard them one inside the other.
                    for job in self.takeAll() { job.discard() }
                }
            )
        )
    }

    private func next() -> WorkerPool.Job? {
        self.state.withLock { state in
            let next = state.waiting.popFirst()
            if next == nil { state.free += 1 }
            return next
        }
    }

    private func takeAll() -> Deque<WorkerPool.Job> {
        self.state.withLock { state in
            defer { state.waiting = [] }
            state.free += 1
            return state.waiting
        }
    }
}
