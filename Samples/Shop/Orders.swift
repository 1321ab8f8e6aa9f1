import Enoki

/// Takes orders: asks the stock, charges the card, and tells everybody.
struct Orders: Microservice {
    static let name = "orders"

    let events = EventDispatcher()
    let payments = RPCProxy("payments")
    let stock = RPCProxy("stock")
    let prices = PriceList()
    var store = OrderStore()
    var narrator = Narrator()

    var entrypoints: [any Entrypoint] {
        RPC("place", "customer", "sku", "quantity", expecting: [CardDeclined.self, OutOfStock.self], method: place)
        EventHandler("note_price", mode: .broadcast, notePrice)
    }

    func place(customer: String, sku: String, quantity: Int) async throws -> Order {
        // Calls by name, as in nameko; both at once.
        async let level: Int = stock.level(sku: sku)
        async let price = prices.price(of: sku) { try await stock.price(sku: sku) }
        guard quantity > 0, try await quantity <= level else { throw OutOfStock(sku: sku) }
        let euros = try await price * quantity

        do {
            // A call by contract: its reply and its errors have types.
            _ = try await payments(Charge(customer: customer, euros: euros))
        } catch let declined as CardDeclined {
            try await events.dispatch("order.refused", ["customer": customer, "reason": declined.reason])
            throw declined
        }

        let order = await store.add(customer: customer, sku: sku, quantity: quantity, euros: euros)
        try await events.dispatch(OrderPlaced(order: order))
        return order
    }

    /// A broadcast: every instance has a price list of its own to keep up to date.
    func notePrice(_ change: PriceChanged) async {
        await prices.note(change.euros, for: change.sku)
    }
}
