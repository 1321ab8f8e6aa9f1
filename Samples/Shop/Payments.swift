import Enoki
import Logging

/// Charges cards and keeps the books.
struct Payments: Microservice {
    static let name = "payments"

    var narrator = Narrator()

    private let limit = 100

    var entrypoints: [any Entrypoint] {
        RPC(charge)
        EventHandler("book", of: "orders", "order.*", mode: .singleton, book)
    }

    func charge(_ charge: Charge) async throws -> Receipt {
        guard charge.euros <= limit else {
            throw CardDeclined(reason: "\(charge.euros) euros are more than the card's limit of \(limit)")
        }
        return Receipt(number: .random(in: 100_000...999_999))
    }

    /// A singleton: there is one set of books, whichever service and instance writes the next line. `order.*` is placed
    /// orders and refused ones.
    func book(_ entry: JSONValue) async {
        WorkerContext.current?.logger.info("booked", metadata: ["entry": "\(entry)"])
    }
}
