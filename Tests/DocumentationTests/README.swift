// The code of README.md.

import Enoki
import Logging

// Contracts: what services agree on. The names are those on the wire.
struct Charge: RPCRequest {
    static let service = "payments"
    static let method = "charge"
    typealias Reply = Int

    var customer: String
    var euros: Int
}

struct OrderPlaced: Event {
    static let source = "orders"
    static let type = "order.placed"

    var customer: String
    var sku: String
}

// A service: a name, its dependencies as stored properties, and what calls it.
struct Orders: Microservice {
    static let name = "orders"

    let payments = RPCProxy("payments")
    let events = EventDispatcher()

    var entrypoints: [any Entrypoint] {
        RPC("place", "customer", "sku", method: place)
    }

    func place(customer: String, sku: String) async throws -> Int {
        let price: Int = try await payments.price(sku: sku)  // a call by name, as in nameko
        let receipt = try await payments(Charge(customer: customer, euros: price))  // a call by contract
        try await events.dispatch(OrderPlaced(customer: customer, sku: sku))
        return receipt
    }
}

struct Payments: Microservice {
    static let name = "payments"

    var entrypoints: [any Entrypoint] {
        RPC("price", "sku", method: price)
        RPC(charge)
        EventHandler("book", book)
    }

    func price(sku: String) -> Int { sku == "teapot" ? 20 : 5 }

    func charge(_ charge: Charge) -> Int { 1000 + charge.euros }

    func book(_ order: OrderPlaced) { Logger.current.info("\(order.customer) bought a \(order.sku)") }
}
