public import Enoki
public import GRDB

/// Remembers in an SQLite database which messages are done: across restarts, and for several processes of one host.
///
/// ```swift
/// let store = SQLiteIdempotencyStore(path: "/var/lib/shop/messages.sqlite")
///
/// EventHandler("on_charged", idempotency: Idempotency(store: store, for: .seconds(7 * 86_400)), onCharged)
/// ```
///
/// A handler whose effects are rows of the same database writes them in ``commit(_:)``: they are there if and only if the message
/// is done, whatever dies when.
///
/// It measures time by the wall clock, waits up to 3 seconds for another process's transaction, also with a database of the handlers',
/// and forgets what is over a few rows at a time. The file must lie on a disk of the host, not on a network: SQLite's locks do not
/// hold there.
public final class SQLiteIdempotencyStore: IdempotencyStore {
    private let database: DatabaseAccess
    private let now: @Sendable () -> Int64

    /// A store in a file of its own, which is made when the first service starts, readable by its user alone, in a folder that
    /// exists.
    public convenience init(path: String) { self.init(path: path, now: wallClock) }

    /// A store in a table `enoki_idempotency` of a database that the handlers use, too, for ``commit(_:)``.
    ///
    /// Its own transactions wait for others' even where the database does not (`Configuration.busyMode`), which keeps other writes of
    /// this process waiting too. What is durable when is up to the database: one with `synchronous = NORMAL`, GRDB's choice for a
    /// pool, may lose the last transactions when the power fails, not when a process dies.
    public convenience init(_ database: any DatabaseWriter) { self.init(database, now: wallClock) }

    package init(path: String, now: @escaping @Sendable () -> Int64) {
        self.database = DatabaseAccess(path: path)
        self.now = now
    }

    package init(_ database: any DatabaseWriter, now: @escaping @Sendable () -> Int64) {
        self.database = DatabaseAccess(database)
        self.now = now
    }

    /// Opens the database and makes the table, unless that is done.
    ///
    /// - Throws: ``SQLiteIdempotencyError``.
    public func open() async throws { try await self.database.open() }

    /// Claims a message.
    ///
    /// - Throws: ``SQLiteIdempotencyError``.
    public func begin(_ claim: IdempotencyClaim, lease: Duration) async throws -> IdempotencyAnswer {
        let now = self.now
        return try await self.database.transaction("begin") { try MessageTable($0).begin(claim, lease, now: now()) }
    }

    /// Lets claims last longer.
    ///
    /// - Throws: ``SQLiteIdempotencyError``.
    public func renew(_ claims: [IdempotencyClaim], lease: Duration) async throws {
        let now = self.now
        try await self.database.transaction("renew") { try MessageTable($0).renew(claims, lease, now: now()) }
    }

    /// Notes a message as done; when it returns, that is on the disk, or as durable as the handlers' database is.
    ///
    /// - Throws: ``SQLiteIdempotencyError``.
    @discardableResult
    public func complete(_ claim: IdempotencyClaim) async throws -> Bool {
        let now = self.now
        return try await self.database.transaction("complete") { try MessageTable($0).complete(claim, now: now()) }
    }

    /// Gives a claim back.
    ///
    /// - Throws: ``SQLiteIdempotencyError``.
    public func release(_ claim: IdempotencyClaim) async throws {
        try await self.database.transaction("release") { try MessageTable($0).release(claim) }
    }

    /// Does what a handler writes and notes its message as done, both or neither.
    ///
    /// ```swift
    /// func onCharged(_ event: Charged) async throws {
    ///     try await store.commit { database in
    ///         try database.execute(sql: "UPDATE accounts SET euros = euros - ?", arguments: [event.euros])
    ///     }
    /// }
    /// ```
    ///
    /// Once it has returned, the message is not handled again, whatever the handler does after that: call it last. Outside of a
    /// guarded call, such as for a message without an id or in a test's direct call, it is a plain transaction.
    ///
    /// - Throws: What `writes` throws; ``ClaimLost``, and nothing is written, where another may have handled the message meanwhile;
    ///   ``SQLiteIdempotencyError``.
    @discardableResult
    public func commit<Value: Sendable>(
        _ writes: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        let now = self.now
        let claim = IdempotencyClaim.current
        let path = self.database.path
        return try await self.database.transaction("commit", repeats: false) { database in
            guard let claim else { return try Writes.run(writes, database) }
            guard try MessageTable(database).isHeld(claim) else { throw ClaimLost(path: path) }
            let value = try Writes.run(writes, database)
            try MessageTable(database).complete(claim, now: now())
            return value
        }
    }
}
