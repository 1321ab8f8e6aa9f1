import ChaosLedger
import EnokiBroker
import EnokiTestSupport

/// G15: failed events find their dead letters gone, full, or without room on the disk.
struct DeadLetterFaults: Goal {
    static let name = "dead-letter-faults"
    static let summary = "G15: dead letters deleted, full, and no disk for them: 0 lost, and nobody tries without end"

    private static let queue = "evt-source-tick--fickle.on_tick"
    private static let dead = queue + ".dead"
    /// Twice as many as there are workers.
    private static let prefetch = 2 * workers
    private static let workers = 16
    /// Long enough to see who spins.
    private static let outage = Duration.seconds(6)

    func run(_ run: Run) async throws -> Verdict {
        // Of each of the three faults.
        let count = run.sized(200, 3_000)
        return try await run.withCrew(heartbeat: 10) { crew in
            for number in 1...2 {
                try crew.hire("fickle-\(number)", services: ["fickle"], workers: Self.workers).start()
            }
            for member in crew.all { try await member.logs("[fickle] started") }
            return try await Canary.with(run) { canary in
                var verdict = Verdict()
                var letters = try await self.deleted(run, canary, 0..<count, &verdict)
                letters += try await self.full(run, canary, crew, count..<2 * count, &verdict)
                letters += try await self.withoutDisk(run, canary, crew, 2 * count..<3 * count, &verdict)
                try await run.settle()
                let ledgers = try Ledger.all(in: crew.folder)
                verdict.judgeConservation(ledgers, producer: 9, dead: letters)
                verdict.judgeAttempts(
                    ledgers,
                    producer: 9,
                    attempts: 3,
                    delay: .seconds(1),
                    dead: letters,
                    planned: 3 * count
                )
                verdict.expectNone("crashes", crew.crashes)
                return verdict
            }
        }
    }

    /// The dead letters are deleted again and again, while none is on its way: what comes in as an operator deletes is gone, though
    /// RabbitMQ confirms it.
    private func deleted(
        _ run: Run,
        _ canary: Canary,
        _ range: Range<Int>,
        _ verdict: inout Verdict
    ) async throws -> [MessageID] {
        let part = range.count / 5
        var letters: [MessageID] = []
        var deletions = 0
        for start in stride(from: range.lowerBound, to: range.upperBound, by: part) {
            try await canary.sendEvents(producer: 9, start..<start + part)
            letters += try await self.collect(part, canary)
            try await eventually("the dead letters are deleted") {
                // Empty is to RabbitMQ what has nothing ready: what a consumer was sent as it closed is not back at once.
                guard try await run.host.queue(Self.dead)?.messagesUnacknowledged == 0 else { return false }
                return try await run.host.deleteIfEmpty(queue: Self.dead)
            }
            deletions += 1
        }
        verdict.note("deletions of the dead letters", deletions)
        return letters
    }

    /// The dead letters take twenty, and refuse all others.
    private func full(
        _ run: Run,
        _ canary: Canary,
        _ crew: Crew,
        _ range: Range<Int>,
        _ verdict: inout Verdict
    ) async throws -> [MessageID] {
        let limit = #"{"max-length": 20, "overflow": "reject-publish"}"#
        try await run.node.control("set_policy", "-p", run.host.name, "full", #"\.dead$"#, limit)
        try await canary.sendEvents(producer: 9, range)
        try await eventually("each process holds as many as it may") {
            let queues = try await run.host.queues()
            return queues.first { $0.name == Self.dead }?.messagesReady == 20
                && queues.first { $0.name == Self.queue }?.messagesUnacknowledged == 2 * Self.prefetch
        }
        let before = crew.all.map(\.proxy.publishes)
        try await self.watchOutage("full", crew, &verdict)
        // One copy of each message that a process may hold, now, and after one, two and four seconds.
        let tries = zip(crew.all, before).map { $0.proxy.publishes - $1 }.reduce(0, +)
        verdict.expect("copies tried while they were full", tries, atMost: 4 * 2 * Self.prefetch)
        try await eventually("all are somewhere", equals: range.count) {
            try await run.host.queues().reduce(0) { $0 + $1.messagesReady + $1.messagesUnacknowledged }
        }
        try await run.node.control("clear_policy", "-p", run.host.name, "full")
        return try await self.collect(range.count, canary)
    }

    /// The broker believes that its disk is full, and takes no message.
    private func withoutDisk(
        _ run: Run,
        _ canary: Canary,
        _ crew: Crew,
        _ range: Range<Int>,
        _ verdict: inout Verdict
    ) async throws -> [MessageID] {
        try await canary.sendEvents(producer: 9, range)
        try await run.node.control("set_disk_free_limit", "999GB")
        try await self.watchOutage("without disk", crew, &verdict)
        try await run.node.control("set_disk_free_limit", "50MB")
        return try await self.collect(range.count, canary)
    }

    /// Waits, and sees how much the processes work meanwhile.
    private func watchOutage(_ name: String, _ crew: Crew, _ verdict: inout Verdict) async throws {
        func used() -> Duration { crew.all.compactMap { $0.process?.processorTime }.reduce(.zero, +) }
        let start = used()
        try await ContinuousClock().sleep(for: Self.outage)
        verdict.expect("processor time of both processes, \(name)", used() - start, atMost: Self.outage / 2)
    }

    private func collect(_ count: Int, _ canary: Canary) async throws -> [MessageID] {
        var letters: [MessageID] = []
        try await eventually("\(count) dead letters, though late", within: .seconds(90)) {
            letters += try await canary.drain(Self.dead)
            return letters.count >= count
        }
        return letters
    }
}
