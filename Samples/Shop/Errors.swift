import Enoki

// Errors that keep their type on the way to the caller, in another process and, by their path, in another language.

/// The bank said no.
struct CardDeclined: RemoteException {
    static let path = "payments.CardDeclined"

    let reason: String

    var arguments: [JSONValue] { [.string(reason)] }

    init(reason: String) { self.reason = reason }

    init?(arguments: [JSONValue]) {
        guard case .string(let reason)? = arguments.first else { return nil }
        self.reason = reason
    }
}

/// There is less on the shelf than was asked for.
struct OutOfStock: RemoteException {
    static let path = "orders.OutOfStock"

    let sku: String

    var arguments: [JSONValue] { [.string(sku)] }

    init(sku: String) { self.sku = sku }

    init?(arguments: [JSONValue]) {
        guard case .string(let sku)? = arguments.first else { return nil }
        self.sku = sku
    }
}
