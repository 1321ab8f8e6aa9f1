import ChaosLedger
import Enoki

/// Handles orders, which are more than numbers: there is much in them that can be wrong.
struct Warehouse: Microservice {
    static let name = "warehouse"
    let config = Config()
    let ledger: LedgerKeeper

    struct Order: Decodable, Sendable {
        struct Item: Decodable { var sku: String }
        var id: Int
        var qty: UInt
        var price: Double
        var note: String
        var items: [Item]
    }

    init() { self.ledger = LedgerKeeper("warehouse", self.config) }

    var entrypoints: [any Entrypoint] {
        EventHandler("on_order", of: "orders", "placed") { (order: Order) in
            self.ledger.write(.done, MessageID(producer: 1, sequence: order.id))
        }
    }
}
