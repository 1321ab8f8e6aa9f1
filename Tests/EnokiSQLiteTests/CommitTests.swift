import Enoki
import EnokiSQLite
import EnokiTestSupport
import EnokiTesting
import GRDB
import Testing

/// What a handler writes together with the note that its message is done.
@Suite(.timeLimit(.minutes(5))) struct CommitTests {
    private struct Sold: Event {
        static let source = "shop"
        static let type = "sold"
        var sku: String
    }

    private struct Refused: Error {}

    /// Writes what was sold into the database in which its messages are remembered.
    private struct Books: Microservice {
        static let name = "books"
        static let queue = "evt-shop-sold--books.book"
        let pool: DatabasePool
        let store: SQLiteIdempotencyStore
        let after: @Sendable () async throws -> Void

        init(_ place: Place, after: @escaping @Sendable () async throws -> Void = {}) throws {
            self.pool = try DatabasePool(path: place.path)
            try self.pool.write { try $0.execute(sql: "CREATE TABLE IF NOT EXISTS sales (sku TEXT)") }
            self.store = SQLiteIdempotencyStore(self.pool) { place.now }
            self.after = after
        }

        var entrypoints: [any Entrypoint] {
            EventHandler("book", idempotency: Idempotency(store: self.store, for: .seconds(3600)), self.book)
        }

        func book(_ sold: Sold) async throws {
            try await self.store.commit { database in
                try database.execute(sql: "INSERT INTO sales VALUES (?)", arguments: [sold.sku])
                if sold.sku == "refused" { throw Refused() }
            }
            try await self.after()
        }

        var sales: [String] {
            get throws { try self.pool.read { try String.fetchAll($0, sql: "SELECT sku FROM sales") } }
        }
    }

    private func publish(_ sku: String, id: String, _ cluster: Cluster) async throws {
        let message = Message(
            #"{"sku": "\#(sku)"}"#,
            properties: BasicProperties(contentType: "application/json", messageID: id)
        )
        try await cluster.broker.publish(message, to: "shop.events", routingKey: "sold")
    }

    /// SQLite works in real time, on threads that the test's clock knows nothing of.
    private func settled(_ cluster: Cluster) async throws {
        try await eventually("nothing is left to do") {
            await cluster.clock.advance(by: .seconds(1))
            return try cluster.snapshot().queues.allSatisfy { $0.ready.isEmpty && $0.unsettledCount == 0 }
        }
    }

    @Test func aMessageThatComesAgainWritesNothing() async throws {
        try await Place.with { place in
            let books = try Books(place)
            try await withServices(books) { cluster in
                for _ in 0..<3 { try await self.publish("tea", id: "m-1", cluster) }
                try await self.publish("milk", id: "m-2", cluster)
                try await self.settled(cluster)
                #expect(try books.sales.sorted() == ["milk", "tea"])
            }
        }
    }

    @Test func whatIsCommittedIsDoneWhateverTheHandlerDoesAfterThat() async throws {
        try await Place.with { place in
            let books = try Books(place) { throw Refused() }
            try await withServices(books) { cluster in
                try await self.publish("tea", id: "m-1", cluster)
                try await eventually("it was called") { cluster.calls.count == 1 }
                try await self.settled(cluster)
                #expect(try books.sales == ["tea"])
                // Its retry was acknowledged, and not handled.
                #expect(cluster.calls.count == 1)
            }
        }
    }

    @Test func whatFailsWritesNothingAndMayBeTriedAgain() async throws {
        try await Place.with { place in
            let books = try Books(place)
            try await withServices(books) { cluster in
                try await self.publish("refused", id: "m-1", cluster)
                try await eventually("all attempts were made") {
                    await cluster.clock.advance(by: .seconds(1))
                    return try cluster.snapshot()[queue: Books.queue + ".dead"]?.ready.count == 1
                }
                #expect(try books.sales == [])
                #expect(cluster.calls.count == 5)
                #expect(cluster.calls.allSatisfy { $0.error is Refused })
            }
        }
    }

    @Test func aCallWhoseClaimIsLostWritesNothing() async throws {
        try await Place.with { place in
            let books = try Books(place)
            let (lost, other) = (claim("m"), claim("m"))
            #expect(try await books.store.begin(lost, lease: .seconds(30)) == .begun)
            place.advance(by: .seconds(30))
            #expect(try await books.store.begin(other, lease: .seconds(30)) == .begun)
            for _ in 0..<2 {
                await #expect(throws: ClaimLost.self) {
                    try await IdempotencyClaim.$current.withValue(lost) { try await books.book(Sold(sku: "tea")) }
                }
            }
            try await IdempotencyClaim.$current.withValue(other) { try await books.book(Sold(sku: "tea")) }
            #expect(try books.sales == ["tea"])
            #expect(try await books.store.begin(claim("m"), lease: .seconds(30)) == .done)
            #expect(try await books.store.complete(other))
        }
    }

    @Test func outsideOfAGuardedCallItIsAPlainTransaction() async throws {
        try await Place.with { place in
            let books = try Books(place)
            try await books.book(Sold(sku: "tea"))
            await #expect(throws: Refused.self) { try await books.book(Sold(sku: "refused")) }
            #expect(try books.sales == ["tea"])
        }
    }
}
