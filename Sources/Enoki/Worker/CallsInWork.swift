/// The calls that a container works on, and which of them have leaked: outlived the timeout of their entrypoint and go on,
/// though they were cancelled.
final class CallsInWork: Sendable {
    private struct State {
        var calls: [Int: WorkerContext] = [:]
        var leaked: Set<Int> = []
        var nextID = 0
    }

    private let service: String
    private let workers: Int
    private let state = Locked(State())
    private let failure = Locked<NoWorkerLeft?>(nil)
    private let isExhausted = Latch()

    /// The calls of `service`, which has so many workers.
    init(of service: String, workers: Int) {
        self.service = service
        self.workers = workers
    }

    /// A call begins.
    ///
    /// - Returns: What ``leak(_:concurrency:)`` and ``end(_:)`` know it by.
    func begin(_ context: WorkerContext) -> Int {
        self.state.withLock { state in
            state.nextID += 1
            state.calls[state.nextID] = context
            return state.nextID
        }
    }

    /// A call has leaked, of an entrypoint with so many calls at once.
    ///
    /// - Returns: How many calls have leaked by now.
    func leak(_ id: Int, concurrency: Int?) -> Int {
        let (total, failure) = self.state.withLock { state -> (Int, NoWorkerLeft?) in
            guard let entrypoint = state.calls[id]?.entrypoint else { return (state.leaked.count, nil) }
            state.leaked.insert(id)
            let ofEntrypoint = state.leaked.count { state.calls[$0]?.entrypoint == entrypoint }
            guard state.leaked.count >= self.workers || ofEntrypoint >= concurrency ?? .max else {
                return (state.leaked.count, nil)
            }
            let names = Set(state.leaked.compactMap { state.calls[$0]?.entrypoint }).sorted()
            return (state.leaked.count, NoWorkerLeft(service: self.service, entrypoints: names))
        }
        if let failure {
            self.failure.withLock { $0 = $0 ?? failure }
            self.isExhausted.open()
        }
        return total
    }

    /// A call has ended.
    func end(_ id: Int) {
        self.state.withLock { state in
            state.calls[id] = nil
            state.leaked.remove(id)
        }
    }

    /// How many calls have leaked and still run.
    var leaked: Int { self.state.withLock { $0.leaked.count } }

    /// All calls that still run, the oldest first, and whether they have leaked.
    var running: [(context: WorkerContext, hasLeaked: Bool)] {
        self.state.withLock { state in
            state.calls.sorted { $0.key < $1.key }.map { ($0.value, state.leaked.contains($0.key)) }
        }
    }

    /// Waits until the task is cancelled.
    ///
    /// - Throws: ``NoWorkerLeft`` as soon as leaked calls have taken all workers, or all calls that an entrypoint may have.
    func waitUntilNoWorkerIsLeft() async throws {
        await self.isExhausted.wait()
        if let failure = self.failure.withLock({ $0 }) { throw failure }
    }
}
