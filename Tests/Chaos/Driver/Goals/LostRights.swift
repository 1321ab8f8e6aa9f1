import ChaosLedger
import Enoki
import EnokiTestSupport
import Foundation

/// Services lose what lets them use the broker, while they run, and get it back.
struct LostRights: Goal {
    static let name = "lost-rights"
    static let summary = "rights, password and virtual host are taken away and given back: all work again in time"

    /// The longest time between two attempts, what a login and the topology take, and what a busy machine takes.
    private static let patience = Duration.seconds(10) + .seconds(2) + .seconds(10)

    /// What is taken away, and how it is given back.
    private struct Loss: Sendable {
        let name: String
        /// What the log must say of it.
        let says: String
        let take: @Sendable () async throws -> Void
        let giveBack: @Sendable () async throws -> Void
    }

    /// What was seen of one loss.
    private struct Report: Sendable {
        let name: String
        var fault: Fault
        var isReadyAgain = Duration.zero
        var worksAgain = Duration.zero
    }

    func run(_ run: Run) async throws -> Verdict {
        let length = run.sized(Duration.seconds(4), .seconds(45))
        let (first, second) = ("first-canary", "second-canary")
        return try await run.host.withUser(password: first) { user in
            try await run.withCrew(heartbeat: 5) { crew in
                let login = Crew.Login.file(user: user.name, password: first)
                let sink = try crew.hire("sink", services: ["sink"], workers: 8, login: login)
                let roster = try crew.hire("roster", services: ["roster"], workers: 4, login: login)
                let source = try crew.hire(
                    "source",
                    services: ["source"],
                    [
                        "chaos_producer": "1", "chaos_messages": "100000000", "chaos_rate": "50", "chaos_window": "16",
                        "chaos_work": "20",
                    ],
                    login: login
                )
                for member in [sink, roster] { try member.start() }
                try await sink.logs("[sink] started")
                try await roster.logs("[roster] started")
                try source.start()
                let watch = LedgerWatch(folder: crew.folder)
                try await watch.wait(for: .done, 100, within: .seconds(60))

                var verdict = Verdict()
                let reports = try await Witness.with(run, user: user.name, password: first) { witness in
                    var reports: [Report] = []
                    for loss in self.losses(run, crew, user, witness, second) {
                        if loss.name == "virtual host" {
                            // What is in its queues is deleted with it.
                            try await source.stop()
                            try await run.settle()
                        }
                        reports.append(try await self.suffer(loss, for: length, run, crew, watch, witness, &verdict))
                    }
                    return reports
                }
                try await run.settle()
                try self.judge(reports, crew, secrets: [first, second], &verdict)
                return verdict
            }
        }
    }

    private func losses(
        _ run: Run,
        _ crew: Crew,
        _ user: RabbitMQVirtualHost.User,
        _ witness: Witness,
        _ password: String
    ) -> [Loss] {
        // RabbitMQ leaves connections alone that stand, and channels remember what they were allowed.
        let close: @Sendable () async throws -> Void = {
            try await run.node.control("close_all_connections", "-p", run.host.name, "chaos")
        }
        return [
            Loss(name: "permissions", says: "or user '\(user.name)' may not use it") {
                try await user.clearPermissions()
                try await close()
            } giveBack: {
                try await user.set(configure: ".*")
            },
            Loss(name: "all rights", says: "ACCESS_REFUSED") {
                try await user.set(configure: "", write: "", read: "")
                try await close()
            } giveBack: {
                try await user.set(configure: ".*")
            },
            Loss(name: "password", says: "login refused for user '\(user.name)'") {
                try await user.set(password: password)
                try await close()
            } giveBack: {
                for member in crew.all { try crew.tell(member, user: user.name, password: password) }
                witness.tell(password: password)
            },
            Loss(name: "virtual host", says: "virtual host '\(run.host.name)' does not exist") {
                try await run.host.delete()
            } giveBack: {
                try await run.host.makeAgain()
                try await user.set(configure: ".*")
            },
        ]
    }

    private func suffer(
        _ loss: Loss,
        for length: Duration,
        _ run: Run,
        _ crew: Crew,
        _ watch: LedgerWatch,
        _ witness: Witness,
        _ verdict: inout Verdict
    ) async throws -> Report {
        let living = crew.all.filter { $0.process?.end == nil }
        let logged = try living.map { try $0.logged().count }
        let start = Instant.now
        try await loss.take()
        for (member, count) in zip(living, logged) {
            try await eventually("\(member.name) says that it lost: \(loss.name)", within: Self.patience) {
                try member.logged().dropFirst(count).contains { $0.isError && $0.text.contains(loss.says) }
            }
        }
        try await eventually("nobody is ready without: \(loss.name)", within: Self.patience) { !witness.isReady }
        let end = Instant.now + length
        var wasReady = false
        while Instant.now < end {
            if witness.isReady { wasReady = true }
            try await ContinuousClock().sleep(for: .milliseconds(20))
        }
        if wasReady { verdict.violation("ready without: \(loss.name)") }
        try await loss.giveBack()
        let healed = Instant.now
        var report = Report(name: loss.name, fault: Fault(what: loss.name, start: start, end: healed))
        for (member, count) in zip(living, logged) {
            let lines = try member.logged().dropFirst(count).filter(\.isComplaint)
            verdict.judgeLines(lines, of: "\(member.name) without: \(loss.name)")
        }
        try await eventually("ready again", within: .seconds(60)) { witness.isReady }
        report.isReadyAgain = .now - healed
        try await Canary.with(run) { canary in
            // By the sink and by all of the roster. A broadcast gets what comes while it is there.
            try await eventually("an event is handled by all", within: .seconds(60)) {
                _ = try await canary.answers(watch, times: 4, within: .milliseconds(500))
                return true
            }
            try await eventually("a call is answered", within: .seconds(60)) {
                let word: String = try await canary.host.rpc("roster", timeout: .seconds(2)).relay(word: "alive")
                return word == "alive"
            }
        }
        report.worksAgain = .now - healed
        // It has come back only when the last of its publishers has.
        if crew.all.count == living.count {
            try watch.poll()
            let confirmed = watch.counts[.confirmed] ?? 0
            try await watch.wait(for: .confirmed, confirmed + 50, within: .seconds(60))
        }
        report.fault.end = .now
        return report
    }

    private func judge(_ reports: [Report], _ crew: Crew, secrets: [String], _ verdict: inout Verdict) throws {
        for report in reports {
            verdict.expect("ready again after: \(report.name)", report.isReadyAgain, atMost: Self.patience)
            let limit = Self.patience + .seconds(1)
            verdict.expect("all at work again after: \(report.name)", report.worksAgain, atMost: limit)
            // Two connections, one attempt at once and then one in five to ten seconds.
            let (start, end) = (report.fault.start, report.fault.end)
            let attempts = crew.all.map { $0.proxy.records.count { $0.accepted > start && $0.accepted < end } }
            let most = 2 * (3 + (end - start).milliseconds / 5_000)
            verdict.expect("attempts of a process without: \(report.name)", attempts.max() ?? 0, atMost: most)
        }
        let ledgers = try Ledger.all(in: crew.folder)
        let history = History(ledgers.named("source", "driver", "sink"))
        verdict.judgeDeadlines(history)
        verdict.judgeDelivery(history, faults: reports.map(\.fault), duplicatesAtMost: reports.count * (16 + 2 * 16))
        let logs = try crew.all.flatMap { member in try member.logged().map { "\(member.name): \($0.text)" } }
        verdict.expectNone("passwords in logs", logs.filter { line in secrets.contains { line.contains($0) } })
        verdict.expectNone("crashes", crew.crashes)
    }
}
