public import GRDB

/// An SQLite database could not be used; says which, what was tried, and SQLite's reason, never what is in it.
public struct SQLiteIdempotencyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The database.
    public let path: String
    /// What was tried, such as `open` or `complete`.
    public let operation: String
    /// What SQLite or the system says.
    public let reason: String
    /// SQLite's code; `nil` where the error is the system's.
    public let code: ResultCode?

    init(path: String, operation: String, reason: String, code: ResultCode? = nil) {
        self.path = path
        self.operation = operation
        self.reason = reason
        self.code = code
    }

    init(_ error: DatabaseError, path: String, operation: String) {
        self.init(
            path: path,
            operation: operation,
            reason: error.message ?? "\(error.resultCode)",
            code: error.extendedResultCode
        )
    }

    /// All of it.
    public var description: String {
        let code = self.code.map { " (SQLite's code \($0.rawValue))" } ?? ""
        return "the idempotency store '\(self.path)' could not \(self.operation): \(self.reason)\(code)"
    }
}
