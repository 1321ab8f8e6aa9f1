import Enoki

/// Takes orders, charges for them in Python, and tells whom it concerns.
struct Orders: Microservice {
    static let name = "orders"

    let payments = RPCProxy("payments")
    let events = EventDispatcher()

    var entrypoints: [any Entrypoint] {
        RPC("price", "sku", method: price)
        RPC("place", "customer", "sku", method: place)
    }

    func price(sku: String) throws -> Int {
        guard let price = ["teapot": 20, "cup": 5][sku] else { throw NotSold(sku: sku) }
        return price
    }

    func place(customer: String, sku: String) async throws -> Int {
        let receipt: Int = try await payments.charge(customer: customer, euros: price(sku: sku))
        try await events.dispatch(OrderPlaced(customer: customer, sku: sku))
        return receipt
    }
}

struct OrderPlaced: Event {
    static let source = "orders"
    static let type = "order.placed"

    var customer: String
    var sku: String
}

struct NotSold: Error, CustomStringConvertible {
    let sku: String
    var description: String { "there is no \(self.sku)" }
}
