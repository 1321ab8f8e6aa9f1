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
        EventHandler("reserve", reserve)
        Timer("count", every: .seconds(10), eager: true, count)
    }

    func level(sku: String) async -> Int { await shelves.level(of: sku) }

    func price(sku: String) async -> Int { await shelves.price(of: sku) }

    /// In the service pool, the default: of all instances of this service one gets each order.
    func reserve(_ placed: OrderPlaced) async throws {
        let left = await shelves.take(placed.order.quantity, of: placed.order.sku)
        guard left < 3 else { return }

        _ = try await payments(Charge(customer: "the shop", euros: 50))
        let euros = await shelves.fill(placed.order.sku)
        try await events.dispatch(PriceChanged(sku: placed.order.sku, euros: euros))
    }

    /// A timer: every instance has its own.
    func count() async {
        let counted = await shelves.description
        WorkerContext.current?.logger.info("counted", metadata: ["shelves": "\(counted)"])
    }
}
