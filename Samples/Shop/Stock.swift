import Enoki
import Logging

/// Knows what is on the shelves, and buys more when they get empty.
struct Stock: Microservice {
    static let name = "stock"

    let events = EventDispatcher()
    let payments = RPCProxy("payments")
    var shelves = Shelves()
    var narrator = Narrator()

    var entrypoints: [any Entrypoint] {
        RPC("level", "sku", method: level)
        RPC("price", "sku", method: price)
        EventHandler(
            "reserve",
            // Trying again mends much, and no card that was declined.
            onFailure: .retry(upTo: 5, butNot: [CardDeclined.self]),
            timeout: .seconds(20),
            // An order whose event comes again is not reserved again. Other instances need a common store to know of it.
            idempotency: .inMemory(for: .seconds(86_400)),
            reserve
        )
        Timer("count", every: .seconds(10), eager: true, count)
    }

    func level(sku: String) async -> Int { await shelves.level(of: sku) }

    func price(sku: String) async -> Int { await shelves.price(of: sku) }

    /// In the service pool, the default: of all instances of this service one gets each order. What may fail comes first: an
    /// attempt that fails has taken nothing from the shelf.
    func reserve(_ placed: OrderPlaced) async throws {
        let order = placed.order
        if await shelves.level(of: order.sku) - order.quantity < 3 { try await buy(order.sku) }
        await shelves.take(order.quantity, of: order.sku)
    }

    private func buy(_ sku: String) async throws {
        _ = try await payments(Charge(customer: "the shop", euros: 50))
        let euros = await shelves.fill(sku)
        try await events.dispatch(PriceChanged(sku: sku, euros: euros))
    }

    /// A timer: every instance has its own.
    func count() async {
        let counted = await shelves.description
        WorkerContext.current?.logger.info("counted", metadata: ["shelves": "\(counted)"])
    }
}
