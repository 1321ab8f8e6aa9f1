public import Logging

/// Writes the log for people to read: one line an event, on standard error.
///
///     2026-11-19T10:31:04.217Z info    [orders] started
///     2026-11-19T10:31:09.002Z warning [payments] charge failed as expected call_id=payments.charge.0f8c… error="declined"
///
/// The word in brackets is the service, or the logger's label where there is none. Line breaks, control characters and
/// characters that reorder text are escaped, so that nothing in a message can pass for a line of the log.
public struct ConsoleLogHandler: LogHandler {
    /// The lowest level that is written.
    public var logLevel: Logger.Level = .info
    /// What every event of the logger carries.
    public var metadata: Logger.Metadata = [:]
    /// Adds metadata of the moment.
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String

    /// A handler for the logger named `label`.
    public init(label: String) { self.label = label }

    /// The metadata value of a key.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    /// Writes `event`.
    public func log(event: LogEvent) {
        var metadata = self.metadata
        if let provided = self.metadataProvider?.get() { metadata.merge(provided) { _, new in new } }
        if let own = event.metadata { metadata.merge(own) { _, new in new } }
        if let error = event.error { metadata["error"] = "\(error)" }
        let service = metadata.removeValue(forKey: "service").map { "\($0)" }
        let line = LogLine(
            timestamp: Timestamp.now,
            level: event.level,
            origin: service ?? self.label,
            message: "\(event.message)",
            metadata: metadata
        )
        Console.error.write("\(line)")
    }
}
