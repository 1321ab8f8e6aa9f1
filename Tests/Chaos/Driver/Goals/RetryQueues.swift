import ChaosLedger
import EnokiBroker
import EnokiTestSupport

/// G13: messages that wait a second, beside ten thousand that wait a minute.
struct RetryQueues: Goal {
    static let name = "retry-queues"
    static let summary =
        "G13: ten thousand that wait a minute delay none that waits a second; each attempt is counted through restarts"

    private static let queue = "evt-source-tick--fickle.on_tick"
    private static let dead = queue + ".dead"
    private static let minute = "enoki.retry.60000"
    private static let waiting = 10_000
    private static let attempts = 3
    /// How many times its delay half of the attempts may wait, besides what a round through the broker takes.
    private static let longest = 1.15
    /// So few that all of them wait at once, for a second.
    private static let restarted = 300

    func run(_ run: Run) async throws -> Verdict {
        let count = run.sized(300, 3_000)
        return try await run.withCrew(heartbeat: 10) { crew in
            for number in 1...2 { try crew.hire("fickle-\(number)", services: ["fickle"], workers: 16).start() }
            for member in crew.all { try await member.logs("[fickle] started") }
            return try await Canary.with(run) { canary in
                let watch = LedgerWatch(folder: crew.folder)
                try await self.sendThoseThatWait(canary)
                // A few at a time: how long many at once wait for each other is another goal's.
                for start in stride(from: 0, to: count, by: 20) {
                    try await canary.sendEvents(producer: 9, start..<start + 20)
                    try await ContinuousClock().sleep(for: .milliseconds(100))
                }
                var letters = try await self.collect(count, canary)
                let waiting = try await canary.broker.inspect(queue: Self.minute).messageCount

                try await self.restart(crew, during: 0..<Self.restarted, run, canary, watch)
                letters += try await self.collect(Self.restarted, canary)
                if run.size == .long { letters += try await self.collect(Self.waiting, canary) }

                var verdict = Verdict()
                let ledgers = try Ledger.all(in: crew.folder)
                verdict.note("waited a minute meanwhile", waiting)
                if run.size == .short, waiting != Self.waiting {
                    verdict.violation("\(waiting) messages wait a minute, and \(Self.waiting) were to")
                }
                self.judge(ledgers, 9, letters, planned: count, delay: .seconds(1), longest: Self.longest, &verdict)
                // The time of a restart comes on top.
                self.judge(ledgers, 7, letters, planned: Self.restarted, delay: .seconds(1), longest: 10, &verdict)
                if run.size == .long {
                    let (many, minute) = (Self.waiting, Duration.seconds(60))
                    self.judge(ledgers, 8, letters, planned: many, delay: minute, longest: Self.longest, &verdict)
                }
                verdict.expectNone("crashes", crew.crashes)
                return verdict
            }
        }
    }

    /// Ten thousand that fail, and wait a minute for their next attempt.
    private func sendThoseThatWait(_ canary: Canary) async throws {
        for start in stride(from: 0, to: Self.waiting, by: 500) {
            try await canary.sendEvents(producer: 8, start..<start + 500)
        }
        try await eventually("all of them wait", within: .seconds(50)) {
            try await canary.broker.inspect(queue: Self.minute).messageCount
        } until: {
            $0 == Self.waiting
        }
    }

    /// Between two attempts, while all wait on the broker, all processes are replaced: half of them stopped, half killed.
    private func restart(
        _ crew: Crew,
        during range: Range<Int>,
        _ run: Run,
        _ canary: Canary,
        _ watch: LedgerWatch
    ) async throws {
        try watch.poll()
        let before = watch.counts[.started] ?? 0
        try await canary.sendEvents(producer: 7, range)
        for attempt in 1..<Self.attempts {
            try await watch.wait(for: .started, before + attempt * range.count, within: .seconds(60))
            try await eventually("nobody has one in hand") {
                let queue = try await run.host.queue(Self.queue)
                return queue.map { $0.messagesReady + $0.messagesUnacknowledged == 0 } ?? false
            }
            try await crew.all[0].stop()
            try await crew.all[1].kill()
            for member in crew.all { try member.start() }
        }
    }

    private func collect(_ count: Int, _ canary: Canary) async throws -> [MessageID] {
        var letters: [MessageID] = []
        try await eventually("\(count) dead letters", within: .seconds(200)) {
            letters += try await canary.drain(Self.dead)
            return letters.count >= count
        }
        return letters
    }

    private func judge(
        _ ledgers: [Ledger],
        _ producer: Int,
        _ letters: [MessageID],
        planned: Int,
        delay: Duration,
        longest: Double,
        _ verdict: inout Verdict
    ) {
        verdict.judgeAttempts(
            ledgers,
            producer: producer,
            attempts: Self.attempts,
            delay: delay,
            dead: letters.filter { $0.producer == producer },
            planned: planned,
            medianAtMost: longest
        )
    }
}
