import DequeModule

/// What can run now, and the one place that decides what runs next: what has waited longest, or what a seed picks.
struct RunQueue<Job> {
    private var waiting = Deque<Job>()
    private var generator: SeededGenerator?

    /// An empty queue.
    ///
    /// - Parameter seed: Picks among those that wait; `nil` is first in, first out.
    init(seed: UInt64?) { self.generator = seed.map { SeededGenerator(seed: $0) } }

    mutating func append(_ job: Job) { self.waiting.append(job) }

    /// Takes the next one. The seed is asked only where there is a choice.
    mutating func next() -> Job? {
        let count = self.waiting.count
        if count > 1, let picked = self.generator?.index(below: count) { self.waiting.swapAt(0, picked) }
        return self.waiting.popFirst()
    }
}
