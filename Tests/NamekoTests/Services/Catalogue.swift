import Enoki
import Foundation

/// A service whose methods take and return values of all types that Swift and Python share.
struct Catalogue: Microservice {
    static let name = "catalogue"

    var entrypoints: [any Entrypoint] {
        RPC("add", "a", "b") { (a: Int, b: Int) in a + b }
        RPC("greet", "name", "title") { (name: String, title: String?) in title.map { "\($0) \(name)" } ?? name }
        RPC("count", "value") { (value: UInt64) in "\(value)" }
        RPC("measure", "value") { (value: Double) in "\(value)" }
        RPC("price", "value") { (value: Decimal) in "\(value)" }
        RPC("seconds", "moment") { (moment: Date) in String(format: "%.6f", moment.timeIntervalSince1970) }
        RPC("identify", "id") { (id: UUID) in id.uuidString.lowercased() }
        RPC("bytes", "data") { (data: Data) in data.map { Int($0) } }
        RPC("same_bytes", "data") { (data: Data) in data }
        RPC("echo", "value") { (value: JSONValue) in value }
        RPC("order", "lines", "note") { (lines: [Line], note: String?) in Order(lines: lines, note: note) }
        RPC("opened") { Date(timeIntervalSince1970: 1_577_934_245.25) }
        RPC("same_moment", "moment") { (moment: Date) in moment }
        RPC("nothing") {}
        RPC("has_deadline") { WorkerContext.current?.deadline != nil }
        RPC(quote)
    }

    func quote(_ request: Quote) async throws -> String {
        "\(request.sku) \(request.price) \(request.day?.description ?? "-")"
    }

    struct Line: Codable {
        var sku: String
        var price: Decimal
        var count: Int
        var ready: Date?
    }

    struct Order: Codable {
        var lines: [Line]
        var note: String?
        var placed = Date(timeIntervalSince1970: 0)
        var total: Decimal

        init(lines: [Line], note: String?) {
            self.lines = lines
            self.note = note
            self.total = lines.reduce(0) { $0 + $1.price * Decimal($1.count) }
        }
    }
}

/// A method by contract whose arguments may be given by position.
struct Quote: RPCRequest {
    static let service = "catalogue"
    static let method = "quote"
    static let parameters = ["sku", "price", "day"]
    typealias Reply = String
    var sku: String
    var price: Decimal
    var day: Date?
}
