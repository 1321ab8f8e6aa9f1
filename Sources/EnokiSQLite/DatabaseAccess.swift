import Dispatch
import EnokiBroker
import GRDB

/// The database of a store: opened at the first need, used in one transaction at a time, on threads that may block.
final class DatabaseAccess: Sendable {
    private enum State: Sendable {
        case closed(path: String)
        case unprepared(any DatabaseWriter)
        case open(any DatabaseWriter)
    }

    /// Where it is.
    let path: String
    private let state: Locked<State>
    /// Where it is opened: one after another, and away from the threads of tasks, which must not block.
    private let opening = DispatchQueue(label: "enoki.idempotency.open")

    /// A database in a file of its own.
    init(path: String) {
        self.path = path
        self.state = Locked(.closed(path: path))
    }

    /// A database of others.
    init(_ writer: any DatabaseWriter) {
        self.path = writer.path
        self.state = Locked(.unprepared(writer))
    }

    /// Opens the database and makes the table, unless that is done.
    func open() async throws(SQLiteIdempotencyError) { _ = try await self.writer() }

    /// Runs `body` in a transaction that has the right to write from its start, even when the task is cancelled.
    ///
    /// - Parameters:
    ///   - operation: What it is, for the error.
    ///   - repeats: Whether it may run again where it could not be committed because others read.
    ///   - body: What to do; nothing of it is there when it runs again.
    /// - Throws: ``SQLiteIdempotencyError`` for an error of the database; what else `body` throws.
    func transaction<Value: Sendable>(
        _ operation: String,
        repeats: Bool = true,
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        let writer = try await self.writer()
        return try await withCheckedContinuation { continuation in
            writer.asyncWriteWithoutTransaction { database in
                continuation.resume(returning: Result { try Self.transaction(database, repeats: repeats, body) })
            }
        }
        .mapError { self.error($0, operation) }
        .get()
    }

    /// Waits for the transactions of others, which the database of a handler may not do by itself: GRDB fails at once unless it is
    /// told otherwise (`Configuration.busyMode`), and its configuration is not ours to change.
    private static func transaction<Value>(
        _ database: Database,
        repeats: Bool = true,
        _ body: (Database) throws -> Value
    ) throws -> Value {
        let deadline = ContinuousClock.now + .seconds(Self.patience)
        var value: Value?
        while true {
            var hasRun = false
            do {
                try database.inTransaction(.immediate) {
                    hasRun = true
                    value = try body(database)
                    return .commit
                }
                break
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && ContinuousClock.now < deadline
            {
                guard repeats || !hasRun else { throw error }
                Self.rest()
            }
        }
        guard let value else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
        return value
    }

    /// Until it is tried again to get a lock; on a thread that may block.
    private static func rest() { _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(10)) }

    // MARK: - Opening

    private func writer() async throws(SQLiteIdempotencyError) -> any DatabaseWriter {
        if case .open(let writer) = self.state.withLock({ $0 }) { return writer }
        return try await withCheckedContinuation { continuation in
            self.opening.async { continuation.resume(returning: self.opened()) }
        }
        .get()
    }

    private func opened() -> Result<any DatabaseWriter, SQLiteIdempotencyError> {
        do {
            let writer: any DatabaseWriter
            switch self.state.withLock({ $0 }) {
            case .open(let writer): return .success(writer)
            case .unprepared(let unprepared): writer = unprepared
            case .closed(let path): writer = try self.file(at: path)
            }
            try writer.writeWithoutTransaction { database in
                try Self.transaction(database) { try MessageTable($0).create() }
            }
            self.state.withLock { $0 = .open(writer) }
            return .success(writer)
        } catch let error as SQLiteIdempotencyError {
            return .failure(error)
        } catch {
            let error = self.error(error, "open")
            return .failure(
                error as? SQLiteIdempotencyError
                    ?? SQLiteIdempotencyError(path: self.path, operation: "open", reason: "\(error)")
            )
        }
    }

    private func file(at path: String) throws -> any DatabaseWriter {
        if let reason = PrivateFile.make(at: path) {
            throw SQLiteIdempotencyError(path: path, operation: "open", reason: reason)
        }
        var configuration = Configuration()
        configuration.label = "enoki.idempotency"
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(Self.patience)
        let queue = try Self.queue(path, configuration)
        // What is noted as done must be on the disk before the message is acknowledged.
        try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        return queue
    }

    /// How many seconds another process's transaction is waited for.
    private static let patience = 3.0

    /// A queue on the file, which others may open for the first time at this very moment: SQLite waits for no lock when it makes the
    /// journal a write-ahead log, and fails at once (`SQLITE_BUSY`).
    private static func queue(_ path: String, _ configuration: Configuration) throws -> DatabaseQueue {
        let deadline = ContinuousClock.now + .seconds(Self.patience)
        while true {
            do {
                return try DatabaseQueue(path: path, configuration: configuration)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && ContinuousClock.now < deadline
            {
                Self.rest()
            }
        }
    }

    private func error(_ error: any Error, _ operation: String) -> any Error {
        switch error {
        case let error as DatabaseError: SQLiteIdempotencyError(error, path: self.path, operation: operation)
        case let error as Writes.Failure: error.error
        default: error
        }
    }
}
