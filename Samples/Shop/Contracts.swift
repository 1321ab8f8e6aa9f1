import Enoki

// What services agree on. The names on the wire are written out, so a type can be renamed or moved at will.

/// Charges a customer's card.
struct Charge: RPCRequest {
    static let service = "payments"
    static let method = "charge"
    static let errors: [any RemoteException.Type] = [CardDeclined.self]
    typealias Reply = Receipt

    var customer: String
    var euros: Int
}

/// Proof of a payment.
struct Receipt: Codable, Sendable {
    var number: Int
}

/// An order that was paid.
struct Order: Codable, Sendable {
    var id: Int
    var customer: String
    var sku: String
    var quantity: Int
    var euros: Int
}

/// An order was paid and can be sent.
struct OrderPlaced: Event {
    static let source = "orders"
    static let type = "order.placed"

    var order: Order
}

/// An article has a new price.
struct PriceChanged: Event {
    static let source = "stock"
    static let type = "price.changed"

    var sku: String
    var euros: Int
}
