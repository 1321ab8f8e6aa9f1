import DequeModule

/// The workers of a container: as many calls at once as there are tasks in ``work()``, the others wait in order.
final class WorkerPool: Sendable {
    /// A call that waits for a worker.
    struct Job: Sendable {
        /// Does the work.
        let run: @Sendable () async -> Void
        /// Called instead when the pool closes before a worker was free.
        let discard: @Sendable () -> Void
    }

    private enum Phase: Comparable { case open, stopped, closed }

    private struct State {
        var phase = Phase.open
        var waiting = Deque<Job>()
        var idle: [CheckedContinuation<Job?, Never>] = []
        /// Without those that are lost.
        var running = 0
        var whenDrained: [@Sendable () -> Void] = []
    }

    private let state = Locked(State())

    /// Gives a job to a free worker, or lets it wait for one.
    func submit(_ job: Job) {
        enum Action { case hand(CheckedContinuation<Job?, Never>), keep, discard }
        let action = self.state.withLock { state -> Action in
            if state.phase == .closed { return .discard }
            if let worker = state.idle.popLast() {
                state.running += 1
                return .hand(worker)
            }
            state.waiting.append(job)
            return .keep
        }
        switch action {
        case .hand(let worker): worker.resume(returning: job)
        case .keep: break
        case .discard: job.discard()
        }
    }

    /// One worker: takes jobs until the pool closes. A container runs this in as many tasks as it has workers.
    func work() async {
        while let job = await self.next() {
            await job.run()
            self.endOne()
        }
    }

    /// A job that runs is given up: nobody waits for it any longer, though its worker is not free until it ends.
    func lose() { self.endOne() }

    /// A job that was given up ends after all.
    func regain() { self.state.withLock { $0.running += 1 } }

    private func endOne() {
        let drained = self.state.withLock { state -> [@Sendable () -> Void] in
            state.running -= 1
            guard state.running == 0 else { return [] }
            defer { state.whenDrained = [] }
            return state.whenDrained
        }
        for action in drained { action() }
    }

    /// Begins no more jobs; the ones in work go on, those that wait or come are kept until ``close()``.
    func stop() {
        let idle = self.state.withLock { state in
            defer { state.idle = [] }
            state.phase = max(state.phase, .stopped)
            return state.idle
        }
        for worker in idle { worker.resume(returning: nil) }
    }

    /// Takes no more jobs and discards those that wait; the ones in work go on.
    func close() {
        self.stop()
        let discarded = self.state.withLock { state in
            defer { state.waiting = [] }
            state.phase = .closed
            return state.waiting
        }
        for job in discarded { job.discard() }
    }

    /// Calls `action` once, as soon as no job is in work but those that are given up.
    func whenDrained(_ action: @escaping @Sendable () -> Void) {
        let isDrained = self.state.withLock { state in
            if state.running > 0 { state.whenDrained.append(action) }
            return state.running == 0
        }
        if isDrained { action() }
    }

    /// How many jobs are in work, without those that are given up.
    var running: Int { self.state.withLock { $0.running } }

    private func next() async -> Job? {
        await withCheckedContinuation { continuation in
            let ready = self.state.withLock { state -> Job?? in
                guard state.phase == .open else { return .some(nil) }
                if let job = state.waiting.popFirst() {
                    state.running += 1
                    return .some(job)
                }
                state.idle.append(continuation)
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
