import Enoki
import EnokiBroker
import EnokiSQLite
import Foundation

/// A folder of a test's own, and the time of its stores.
final class Place: Sendable {
    let folder: URL
    private let time = Locked<Int64>(1_700_000_000_000)

    private init() throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "enoki-sqlite-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    static func with<Value>(_ body: (Place) async throws -> Value) async throws -> Value {
        let place = try Place()
        defer { try? FileManager.default.removeItem(at: place.folder) }
        return try await body(place)
    }

    var path: String { self.folder.appending(path: "messages.sqlite").path() }

    /// Another store on the file, as another process has one.
    func store() -> SQLiteIdempotencyStore { SQLiteIdempotencyStore(path: self.path) { self.now } }

    /// Milliseconds since 1970.
    var now: Int64 { self.time.withLock { $0 } }

    func advance(by duration: Duration) { self.time.withLock { $0 += duration.wholeMilliseconds } }
}

/// The stores that there are: what one promises, all promise.
enum StoreKind: CaseIterable, Sendable {
    case memory, sqlite

    func store(at place: Place) -> any IdempotencyStore {
        switch self {
        case .memory: InMemoryIdempotencyStore(capacity: 1000) { .milliseconds(place.now) }
        case .sqlite: place.store()
        }
    }
}

/// A claim to message `id` of a queue.
func claim(_ id: String, sender: String = "", queue: String = "q", window: Duration = .seconds(100)) -> IdempotencyClaim
{
    IdempotencyClaim(IdempotencyKey(queue: queue, sender: sender, id: id), for: window)
}
