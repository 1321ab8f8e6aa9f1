import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Foundation
import Logging
import Testing

extension String {
    /// A name that no other test uses.
    static func unique(_ prefix: String) -> String { "\(prefix)-\(UUID().uuidString.lowercased())" }
}

extension RabbitMQConfiguration {
    /// Connects again soon after a loss.
    static let quickly: @Sendable (inout RabbitMQConfiguration) -> Void = {
        $0.reconnect = ReconnectBackoff(initial: .milliseconds(10), maximum: .milliseconds(200))
    }
}

extension FaultProxy {
    /// Keeps the broker's frames with `method` back, and all that is behind them on their connection, until `body` has ended.
    func holding<Result>(_ method: UInt32, while body: () async throws -> Result) async rethrows -> Result {
        let isHeld = Locked(true)
        self.filter { frame in
            // On a thread that the proxy has for this connection alone.
            while frame.method == method, isHeld.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.005) }
            return true
        }
        defer {
            isHeld.withLock { $0 = false }
            self.filter(nil)
        }
        return try await body()
    }
}

extension Broker {
    /// Waits until the status is so.
    func reaches(_ isReached: @Sendable (BrokerStatus) -> Bool) async {
        for await status in self.statusUpdates() where isReached(status) { return }
    }
}

/// Waits until `condition` holds, and fails the test where it does not within 20 seconds.
func eventually(
    _ what: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: @Sendable () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    var looks = 0
    while try await !condition() {
        looks += 1
        // Where tasks did not run for so long, what is waited for had no time either.
        guard ContinuousClock.now < deadline || looks < 100 else {
            Issue.record(what ?? "the condition did not come to hold", sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Keeps what is logged.
final class LogRecorder: Sendable {
    private let lines = Locked([String]())

    /// Level and message of each line.
    var recorded: [String] { self.lines.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = self.metadata.merging(event.metadata ?? [:]) { $1 }
            self.recorder.lines.withLock { $0.append("\(event.level): \(event.message) \(metadata)") }
        }
    }
}

extension Logger {
    /// Says nothing.
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// Passes values from a transport's thread to a test.
final class Mailbox<Value: Sendable>: Sendable {
    struct TimedOut: Error {}

    private let state = Locked([Value]())
    private let arrived = Signal()

    var isEmpty: Bool { self.state.withLock { $0.isEmpty } }

    func put(_ value: Value) {
        self.state.withLock { $0.append(value) }
        self.arrived.signal()
    }

    /// The next value; waits for it.
    func next(timeout: Duration = .seconds(20)) async throws -> Value {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let value = self.state.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return value }
            if ContinuousClock.now >= deadline { throw TimedOut() }
            await withTaskGroup { group in
                group.addTask { await self.arrived.wait() }
                group.addTask { try? await Task.sleep(until: deadline) }
                await group.next()
                group.cancelAll()
            }
        }
    }
}

/// What `body` throws as a ``BrokerError``.
func brokerError(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async -> BrokerError? {
    await #expect(throws: BrokerError.self, sourceLocation: sourceLocation) { try await body() }
}
