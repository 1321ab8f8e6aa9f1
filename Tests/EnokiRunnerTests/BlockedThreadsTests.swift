import Enoki
import EnokiRabbitMQ
import EnokiTestSupport
import Foundation
import Testing

/// Handlers that block all threads that calls run on, in a process of their own.
@Suite struct BlockedThreadsTests {
    private static let queue = "evt-test-block--blocking.block"
    private static let stalled = "all threads are blocked or busy: no call goes on"
    private static let over = "threads are free again: calls go on"

    /// Twice as many calls as there are threads: while the second half blocks them, the first is acknowledged.
    private static let calls = 2 * ProcessInfo.processInfo.activeProcessorCount

    private func publish(_ count: Int, milliseconds: Int, to host: RabbitMQVirtualHost) async throws {
        let broker = RabbitMQBroker(
            configuration: try RabbitMQConfiguration.patient(uri: host.uri),
            logger: TestBroker.silent
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await broker.run() }
            let properties = BasicProperties(contentType: "application/json")
            // Longer than a busy machine keeps a broker from confirming.
            let options = PublishOptions(timeout: .seconds(120))
            for _ in 0..<count {
                let message = Message("\(milliseconds)", properties: properties)
                try await broker.publish(message, to: "test.events", routingKey: "block", options: options)
            }
            group.cancelAll()
        }
    }

    private func fixture(
        _ settings: [String: String],
        heartbeat: Int = 10,
        _ body: (ChildProcess, RabbitMQVirtualHost) async throws -> Void
    ) async throws {
        try await RabbitMQVirtualHost.withFresh { host in
            let definitions = settings.flatMap { ["-d", "\($0)=\($1)"] }
            let arguments = ["run", "blocking", "-d", "max_workers=\(Self.calls)"] + definitions
            let environment = ["AMQP_URI": "\(host.uri)?heartbeat=\(heartbeat)"]
            try await RunnerFixture.with(arguments, environment: environment) { child in
                try await eventually("it has started") {
                    child.errors
                } until: {
                    $0.contains("[blocking] started")
                }
                try await body(child, host)
            }
        }
    }

    /// RabbitMQ closes a connection that is silent for three heartbeats; all threads are blocked for longer than that, twice. But not one
    /// whose process stands still for a moment.
    @Test func heartbeatsAndAcknowledgementsGoOnAndTheLogSaysWhatBlocks() async throws {
        try await self.fixture(["stall_threshold": "1"], heartbeat: 3) { child, host in
            let before = try await eventually("both connections are listed") {
                try await host.connections().filter {
                    $0.clientProperties?.connectionName?.hasPrefix("fixture") == true
                }
            } until: {
                $0.count == 2
            }
            try await self.publish(Self.calls, milliseconds: 12_000, to: host)
            try await eventually("all are in hand") {
                try await host.queue(Self.queue)
            } until: {
                $0?.messagesUnacknowledged == Self.calls
            }
            try await eventually("half are acknowledged, while the others block", within: .seconds(60)) {
                try await host.queue(Self.queue)?.messagesUnacknowledged ?? 0
            } until: {
                $0 == Self.calls / 2
            }
            try await eventually("the log says that it is over", within: .seconds(60)) {
                child.errors
            } until: {
                $0.contains(Self.over)
            }
            try await eventually("all are acknowledged") {
                try await host.queue(Self.queue)
            } until: {
                $0?.messagesUnacknowledged == 0 && $0?.messagesReady == 0
            }
            let after = try await host.connections().map(\.name)
            #expect(before.allSatisfy { after.contains($0.name) }, "\(before) \(after)")
            #expect(!child.errors.contains("lost the connection"))
            let line = try #require(child.errors.split(separator: "\n").first { $0.contains(Self.stalled) })
            #expect(line.contains("error") && line.contains("calls_in_work="))
            #expect(line.contains("stalled_for=") && line.contains("blocking.block."))
        }
    }

    @Test func withoutAThresholdNothingIsSaid() async throws {
        try await self.fixture(["stall_threshold": "0"]) { child, host in
            try await self.publish(Self.calls, milliseconds: 1000, to: host)
            try await eventually("all are acknowledged") {
                try await host.queue(Self.queue)
            } until: {
                $0?.messagesUnacknowledged == 0 && $0?.messagesReady == 0
            }
            #expect(!child.errors.contains(Self.stalled))
        }
    }

    // MARK: - For good

    /// Runs calls that block all threads for good; `body` begins when they do, and learns of a time shortly before that.
    private func stuck(
        _ settings: [String],
        _ body: (ChildProcess, ContinuousClock.Instant) async throws -> Void
    ) async throws {
        let threads = ProcessInfo.processInfo.activeProcessorCount
        let definitions = (settings + ["max_workers=\(threads)"]).flatMap { ["-d", $0] }
        try await RunnerFixture.with(["run", "stuck"] + definitions) { child in
            var before = ContinuousClock.now
            try await eventually("all threads are blocked", equals: threads) {
                let look = ContinuousClock.now
                let count = child.errors.ranges(of: "begins").count
                if count < threads { before = look }
                return count
            }
            try await body(child, before)
        }
    }

    @Test func aSignalEndsAProcessWhoseThreadsAreAllBlocked() async throws {
        try await self.stuck(["shutdown_grace=0.2"]) { child, _ in
            let end = try await child.end(by: SIGTERM)
            #expect(end.exit == .status(1))
            #expect(end.errors.contains("stops; a second signal kills"))
            for text in ["gives up waiting for calls that ignore their cancellation", "stuck.block_1"] {
                #expect(end.says(text, due: .seconds(5.2)), "\(end.errors)")
            }
        }
    }

    @Test func aSecondSignalKillsAProcessWhoseThreadsAreAllBlocked() async throws {
        try await self.stuck(["shutdown_grace=600"]) { child, _ in
            child.send(signal: SIGTERM)
            let end = try await child.end(bySecond: SIGTERM)
            #expect(end.exit == .status(130))
            #expect(end.says("kills the calls in work", due: .milliseconds(500)), "\(end.errors)")
        }
    }

    @Test func aProcessWhoseThreadsAreBlockedForTooLongEndsByItself() async throws {
        try await self.stuck(["stall_threshold=0.2", "stall_limit=1", "shutdown_grace=0.2"]) { child, before in
            let exit = try await child.ended()
            let end = RunnerFixture.End(exit: exit, took: before.duration(to: .now), errors: child.errors)
            #expect(end.exit == .status(1))
            #expect(end.errors.contains(Self.stalled))
            #expect(end.errors.contains("no call has gone on for"))
            // After a second of silence, less a tick of the watch, and the 5.2 seconds that are left to a process that stops.
            let last = "gives up waiting for calls that ignore their cancellation"
            #expect(end.says(last, due: .seconds(6.1)), "\(end.errors)")
        }
    }

    @Test func oneWhoseThreadsAreFreeAfterThatStopsInOrder() async throws {
        try await self.fixture(["stall_threshold": "0.2", "stall_limit": "1"]) { child, host in
            // So long that all of them block at one time for longer than a second, though one may come later than the others.
            try await self.publish(Self.calls / 2, milliseconds: 10_000, to: host)
            let exit = try await child.ended(within: .seconds(60))
            #expect(exit == .status(1))
            #expect(child.errors.contains("fixture: stopped by an error: no call has gone on for"))
            #expect(!child.errors.contains("gives up waiting"))
            try await eventually("all are acknowledged") {
                try await host.queue(Self.queue)
            } until: {
                $0?.messagesUnacknowledged == 0 && $0?.messagesReady == 0
            }
        }
    }
}
