import Enoki
import EnokiSQLite
import EnokiTestSupport
import EnokiTesting
import GRDB
import Testing

// The code of Docs/Idempotency.md.

private struct Charged: Event {
    static let source = "payments"
    static let type = "charged"
    var number: Int
    var euros: Int
}

private struct Accounts: Microservice {
    static let name = "accounts"
    let store: SQLiteIdempotencyStore

    /// A handler whose messages wait no longer than eight seconds for a process that died.
    var impatient: any Entrypoint {
        EventHandler("ship", idempotency: Idempotency(store: store, for: .seconds(86_400), lease: .seconds(8)), ship)
    }

    var entrypoints: [any Entrypoint] {
        EventHandler("on_charged", idempotency: .inMemory(for: .seconds(3600)), onCharged)
        EventHandler("ship", idempotency: Idempotency(store: store, for: .seconds(7 * 86_400)), ship)
        EventHandler("bill", idempotency: Idempotency(store: store, for: .seconds(86_400), by: \.number), bill)
    }

    func onCharged(_ event: Charged) {}

    func ship(_ event: Charged) {}

    func bill(_ event: Charged) async throws {
        try await store.commit { database in
            try database.execute(sql: "UPDATE accounts SET euros = euros - ?", arguments: [event.euros])
        }
    }
}

private func storeOfTheShop() -> SQLiteIdempotencyStore {
    let store = SQLiteIdempotencyStore(path: "/var/lib/shop/messages.sqlite")
    return store
}

private struct Warehouse: Microservice {
    static let name = "warehouse"

    var entrypoints: [any Entrypoint] {
        EventHandler("ship", idempotency: .inMemory(for: .seconds(3600)), ship)
    }

    func ship(_ event: Charged) {}
}

@Suite(.timeLimit(.minutes(5))) struct IdempotencyDocumentationTests {
    @Test func aMessageThatComesTwiceIsShippedOnce() async throws {
        try await withServices(Warehouse()) { cluster in
            let shipped = cluster.expect(Warehouse.self, "ship")
            let message = Message(
                #"{"number": 1, "euros": 30}"#,
                properties: BasicProperties(contentType: "application/json", messageID: "charge-1")
            )
            for _ in 0..<2 {
                try await cluster.broker.publish(message, to: "payments.events", routingKey: "charged")
            }
            try await cluster.waitUntilQuiet()
            try await shipped.value()
            #expect(cluster.calls.count { $0.entrypoint == "ship" } == 1)
        }
    }

    @Test func theHandlersOfTheGuideRunOnceForEachMessage() async throws {
        let database = try DatabaseQueue()
        try await database.write { database in
            try database.execute(sql: "CREATE TABLE accounts (euros INTEGER); INSERT INTO accounts VALUES (100)")
        }
        try await withServices(Accounts(store: SQLiteIdempotencyStore(database))) { cluster in
            let message = Message(
                #"{"number": 1, "euros": 30}"#,
                properties: BasicProperties(contentType: "application/json", messageID: "m-1")
            )
            for _ in 0..<2 {
                try await cluster.broker.publish(message, to: "payments.events", routingKey: "charged")
            }
            try await eventually("nothing is left to do") {
                await cluster.clock.advance(by: .seconds(10))
                return try cluster.snapshot().queues.allSatisfy { $0.ready.isEmpty && $0.unsettledCount == 0 }
            }
            #expect(cluster.calls.count == 3)
            let euros = try await database.read { try Int.fetchOne($0, sql: "SELECT euros FROM accounts") }
            #expect(euros == 70)
        }
    }
}
