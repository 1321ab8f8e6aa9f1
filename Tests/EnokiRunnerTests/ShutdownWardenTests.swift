import EnokiBroker
import EnokiTestSupport
import Foundation
import Logging
import Testing
import UnixSignals

@testable import EnokiRunner

/// What is done to a process that is to end.
@Suite struct ShutdownWardenTests {
    private let stopped = Latch()
    private let killed = Latch()
    private let exits = Locked<[EnokiRunner.ExitStatus]>([])

    private func warden(
        grace: Duration = .seconds(600),
        inWork: [String] = [],
        logger: Logger = TestBroker.silent
    ) -> ShutdownWarden {
        ShutdownWarden(
            ShutdownPlan(grace: grace),
            ShutdownWarden.Process(
                stop: { [stopped] in stopped.open() },
                kill: { [killed] in killed.open() },
                exit: { [exits] status in exits.withLock { $0.append(status) } },
                entrypointsInWork: { inWork }
            ),
            logger: logger
        )
    }

    private func hasExited(with status: EnokiRunner.ExitStatus) async throws {
        try await eventually("the process has ended") {
            self.exits.withLock { $0 }
        } until: {
            !$0.isEmpty
        }
        #expect(self.exits.withLock { $0.first } == status)
    }

    private func signal(at seconds: Int) -> ShutdownPlan.Event { .signal(.sigterm, at: .seconds(seconds)) }

    /// A log that takes a line and never returns, such as a pipe that is full and that nobody reads.
    private struct StuckLog: LogHandler {
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }
        func log(event: LogEvent) { while true { Thread.sleep(forTimeInterval: 3600) } }
    }

    @Test func theThirdSignalEndsAProcessWhoseLogIsStuck() async throws {
        let warden = self.warden(logger: Logger(label: "stuck") { _ in StuckLog() })
        for time in 1...3 { warden.handle(self.signal(at: time)) }
        try await self.hasExited(with: .killed)
        #expect(self.stopped.isOpen)
        #expect(self.killed.isOpen)
    }

    @Test func whenACallIsInWorkAtTheEndTheLogNamesItsEntrypoint() async throws {
        let log = LogRecorder()
        let warden = self.warden(inWork: ["shop.work"], logger: log.logger)
        for time in 1...3 { warden.handle(self.signal(at: time)) }
        try await self.hasExited(with: .killed)
        let line = try await log.entry(containing: "gives up waiting for calls that ignore their cancellation")
        #expect(line.metadata["entrypoints"] == "shop.work")
    }

    @Test func whenNoneIsTheLogBlamesNone() async throws {
        let log = LogRecorder()
        let warden = self.warden(logger: log.logger)
        for time in 1...3 { warden.handle(self.signal(at: time)) }
        try await self.hasExited(with: .killed)
        try await log.entry(containing: "did not stop in time, though no call is in work")
        #expect(!log.entries.contains { $0.message.contains("calls that ignore") })
    }
}
