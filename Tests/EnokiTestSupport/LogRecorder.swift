import EnokiBroker
public import Logging

/// Keeps what is logged, so that a test can look at it.
///
/// It keeps messages of every level, and their metadata as text.
public final class LogRecorder: Sendable {
    /// One logged message.
    public struct Entry: Sendable, CustomStringConvertible {
        /// The level.
        public let level: Logger.Level
        /// The text.
        public let message: String
        /// The error that was logged with it.
        public let error: String?
        /// The logger's metadata and the message's own, together.
        public let metadata: [String: String]
        /// Level, text, error and metadata.
        public var description: String {
            "\(self.level): \(self.message) \(self.error.map { "error: \($0) " } ?? "")\(self.metadata)"
        }
    }

    private let list = Locked<[Entry]>([])

    /// A recorder that has recorded nothing.
    public init() {}

    /// A logger that logs here and nowhere else.
    public var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    /// What was logged, in order.
    public var entries: [Entry] { self.list.withLock { $0 } }

    /// Waits for a message that contains `text` and returns it.
    ///
    /// - Throws: ``ConditionNotMet`` with everything that was logged.
    @discardableResult
    public func entry(containing text: String, within limit: Duration = .seconds(30)) async throws -> Entry {
        let entries = try await eventually("a message was logged that contains '\(text)'", within: limit) {
            self.entries
        } until: {
            $0.contains { $0.message.contains(text) }
        }
        return entries.first { $0.message.contains(text) } ?? entries[0]
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = self.metadata
                .merging(self.metadataProvider?.get() ?? [:]) { _, new in new }
                .merging(event.metadata ?? [:]) { _, new in new }
                .mapValues(\.description)
            let entry = Entry(
                level: event.level,
                message: event.message.description,
                error: event.error.map { "\($0)" },
                metadata: metadata
            )
            self.recorder.list.withLock { $0.append(entry) }
        }
    }
}
