import Enoki
import GRDB

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The table of an ``SQLiteIdempotencyStore``, inside a transaction. Times are in milliseconds since 1970.
struct MessageTable {
    private let database: Database

    init(_ database: Database) { self.database = database }

    /// The parts of a key are blobs: the bytes count, and a NUL is one of them.
    func create() throws {
        try self.database.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS enoki_idempotency (
                    queue BLOB NOT NULL,
                    sender BLOB NOT NULL,
                    id BLOB NOT NULL,
                    token TEXT NOT NULL,
                    done INTEGER NOT NULL,
                    until INTEGER NOT NULL,
                    PRIMARY KEY (queue, sender, id)
                ) WITHOUT ROWID;
                CREATE INDEX IF NOT EXISTS enoki_idempotency_until ON enoki_idempotency (until);
                """
        )
    }

    func begin(_ claim: IdempotencyClaim, _ lease: Duration, now: Int64) throws -> IdempotencyAnswer {
        let leaseEnd = now + lease.milliseconds
        guard let row = try self.row(of: claim), row.until > now else {
            try self.put(claim, done: false, until: leaseEnd)
            return .begun
        }
        if row.isDone { return .done }
        // A clock that was set back makes a lease longer than any: that of the dead would last as long.
        if row.until > leaseEnd { try self.set(until: leaseEnd, for: claim, heldBy: row.token) }
        return .claimed(remaining: .milliseconds(min(row.until, leaseEnd) - now))
    }

    func renew(_ claims: [IdempotencyClaim], _ lease: Duration, now: Int64) throws {
        for claim in claims { try self.set(until: now + lease.milliseconds, for: claim, heldBy: claim.token) }
    }

    /// - Returns: Whether the claim was held, or is what the message was done with.
    @discardableResult
    func complete(_ claim: IdempotencyClaim, now: Int64) throws -> Bool {
        let row = try self.row(of: claim)
        let isOurs = row?.token == claim.token
        // By `commit`.
        if isOurs, row?.isDone == true { return true }
        try self.put(claim, done: true, until: now + claim.window.milliseconds)
        try self.forgetSome(before: now)
        return isOurs
    }

    func release(_ claim: IdempotencyClaim) throws {
        try self.run(
            "DELETE FROM enoki_idempotency WHERE queue = ? AND sender = ? AND id = ? AND token = ? AND NOT done",
            Self.columns(of: claim) + [claim.token]
        )
    }

    func isHeld(_ claim: IdempotencyClaim) throws -> Bool {
        guard let row = try self.row(of: claim) else { return false }
        return row.token == claim.token && !row.isDone
    }

    // MARK: - Rows

    private struct MessageRow {
        let token: String
        let isDone: Bool
        let until: Int64
    }

    private func row(of claim: IdempotencyClaim) throws -> MessageRow? {
        let statement = try self.database.cachedStatement(
            sql: "SELECT token, done, until FROM enoki_idempotency WHERE queue = ? AND sender = ? AND id = ?"
        )
        guard let row = try Row.fetchOne(statement, arguments: StatementArguments(Self.columns(of: claim))) else {
            return nil
        }
        return try MessageRow(
            token: row.decode(forColumn: "token"),
            isDone: row.decode(forColumn: "done"),
            until: row.decode(forColumn: "until")
        )
    }

    private func put(_ claim: IdempotencyClaim, done: Bool, until: Int64) throws {
        try self.run(
            "INSERT OR REPLACE INTO enoki_idempotency (queue, sender, id, token, done, until) VALUES (?, ?, ?, ?, ?, ?)",
            Self.columns(of: claim) + [claim.token, done, until]
        )
    }

    private func set(until: Int64, for claim: IdempotencyClaim, heldBy token: String) throws {
        try self.run(
            """
            UPDATE enoki_idempotency SET until = ?
            WHERE queue = ? AND sender = ? AND id = ? AND token = ? AND NOT done
            """,
            [until] + Self.columns(of: claim) + [token]
        )
    }

    /// A message that is done adds one row, so that with a few at a time what is over gets less.
    private func forgetSome(before now: Int64) throws {
        try self.run(
            """
            DELETE FROM enoki_idempotency WHERE (queue, sender, id) IN
                (SELECT queue, sender, id FROM enoki_idempotency WHERE until <= ? ORDER BY until LIMIT 8)
            """,
            [now]
        )
    }

    private func run(_ sql: String, _ arguments: [any DatabaseValueConvertible]) throws {
        try self.database.cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
    }

    private static func columns(of claim: IdempotencyClaim) -> [any DatabaseValueConvertible] {
        let key = claim.key
        return [Data(key.queue.utf8), Data(key.sender.utf8), Data(key.id.utf8)]
    }
}

extension Duration {
    /// Whole milliseconds, of any duration that a guard may have.
    fileprivate var milliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        return min(max(seconds, 0), 1 << 40) * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
