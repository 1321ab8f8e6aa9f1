import GRDB

/// What a handler writes in a transaction of the store's: its errors are its own, even those of the database.
enum Writes {
    struct Failure: Error { let error: any Error }

    static func run<Value>(_ writes: (Database) throws -> Value, _ database: Database) throws -> Value {
        do { return try writes(database) } catch { throw Failure(error: error) }
    }
}
