/// What a process holds of the system.
struct Footprint: Hashable, Sendable {
    /// Resident, in bytes.
    let memory: Int
    let descriptors: Int
    let threads: Int
}

extension Verdict {
    /// Judges what processes hold after a time, and held before: what grows with each fault is a leak.
    mutating func judgeGrowth(
        from before: [Footprint?],
        to after: [Footprint?],
        descriptorsAtMost mostDescriptors: Int,
        threadsAtMost mostThreads: Int
    ) {
        let pairs = zip(before, after).compactMap { before, after in
            before.flatMap { start in after.map { (start, $0) } }
        }
        if pairs.isEmpty { self.violation("no process was there before and after: the run proves nothing") }
        func most(_ growth: (Footprint, Footprint) -> Int) -> Int { pairs.map(growth).max() ?? 0 }
        self.expect(
            "descriptors that a process has more than before",
            most { $1.descriptors - $0.descriptors },
            atMost: mostDescriptors
        )
        self.expect(
            "threads that a process has more than before",
            most { $1.threads - $0.threads },
            atMost: mostThreads
        )
        self.note("megabytes that a process has more than before", most { ($1.memory - $0.memory) / 1_048_576 })
    }
}
