// The code of Docs/Failures.md.

import EnokiTesting
import Testing

struct Shipping: Microservice {
    static let name = "shipping"

    var entrypoints: [any Entrypoint] {
        EventHandler("book", of: "orders", "order.placed", book)
        EventHandler(
            "notify",
            of: "orders",
            "order.shipped",
            onFailure: .retry(upTo: 10, .fixed(.seconds(30)), butNot: [UnknownCustomer.self]),
            notify
        )
        EventHandler(
            "bill",
            of: "orders",
            "order.placed",
            onFailure: .retry(upTo: 8, .exponential(from: .seconds(2), maximum: .seconds(60))),
            timeout: .seconds(20),
            concurrency: 4,
            idempotency: .inMemory(for: .seconds(3600)),
            bill
        )
        EventHandler("audit", of: "orders", "order.#", onFailure: .discard, audit)
        EventHandler("mirror", of: "orders", "order.#", onFailure: .requeue, mirror)
        EventHandler("index", of: "orders", "order.placed", onFailure: .default.pausing(), timeout: .seconds(20), index)
        RPC("charge", "customer", onFailure: .retry(upTo: 3), timeout: .seconds(5), concurrency: 2, method: charge)
    }

    func charge(customer: String) async throws -> Int { 1005 }

    func book(_ order: OrderPlaced) async throws {
        guard order.sku != "unicorn" else { throw Reject(reason: "no such thing: \(order.sku)") }
        if isClosed(for: order) { throw Retry(after: .seconds(600)) }
        if let context = WorkerContext.current, context.attempt > 1 {
            context.logger.info("attempt \(context.attempt)")
        }
        try await carrier.book(order.customer, order.sku)
    }

    let carrier = Carrier()
    private func isClosed(for order: OrderPlaced) -> Bool { order.sku == "night watch" }
    func notify(_ order: OrderPlaced) async throws { throw UnknownCustomer() }
    func bill(_ order: OrderPlaced) async throws {}
    func audit(_ order: JSONValue) async throws {}
    func mirror(_ order: JSONValue) async throws {}
    func index(_ order: OrderPlaced) async throws {}
}

struct UnknownCustomer: Error {}

actor Carrier: DependencyProvider {
    private var failures = 2
    func book(_ customer: String, _ sku: String) async throws {
        guard self.failures == 0 else {
            self.failures -= 1
            throw UnknownCustomer()
        }
    }
}

@Suite struct FailuresGuide {
    @Test func anOrderIsBookedAtTheThirdAttempt() async throws {
        try await withServices(Shipping()) { cluster in
            let booked = cluster.expect(Shipping.self, "book", count: 3)
            try await cluster.dispatch(OrderPlaced(customer: "Ada", sku: "teapot"))
            await cluster.clock.advance(by: .seconds(3))  // 1 s after the first attempt, 2 s after the second
            let attempts = try await booked.values().map(\.context.attempt)
            #expect(attempts == [1, 2, 3])
        }
    }

    @Test func whatIsRejectedIsADeadLetter() async throws {
        try await withServices(Shipping()) { cluster in
            try await cluster.dispatch(OrderPlaced(customer: "Ada", sku: "unicorn"))
            let dead = "evt-orders-order.placed--shipping.book.dead"
            try await cluster.waitForQueue(dead) { $0.messageCount == 1 }
            let letter = try #require(try await cluster.takeMessage(from: dead))
            #expect(letter.properties.headers["x-enoki-reason"] == "rejected")
            #expect(letter.properties.headers["x-enoki-attempts"]?.integerValue == 1)
        }
    }
}
