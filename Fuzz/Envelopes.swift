import EnokiBroker
import Foundation

@testable import Enoki

private struct Order: Codable {
    struct Item: Codable {
        var sku: String
        var qty: Int
        var price: Decimal?
    }

    var id: UUID?
    var items: [Item]?
    var placed: Date?
    var picture: Data?
    var rating: Double?
    var tags: [String: JSONValue]?
}

private let method = RPC("place", "customer", "items", "order") {
    (_: String, _: [Int]?, _: Order?) async throws -> Int in 1
}

private let handler = EventHandler("on_placed", of: "orders", "placed") { (_: Order) async throws in }

/// A message is read or refused, as a request, as an event and as a reply.
func fuzzEnvelopes(_ octets: [UInt8]) {
    let message = Message(body: octets, properties: BasicProperties(contentType: "application/json"))
    _ = try? method.method(for: message, .json)
    _ = try? handler.method(for: message, .json)
    if let order = try? Codecs.json.read(Order.self, from: message) { _ = "\(order)" }
    if case .failure(let error)? = try? JSONCodec().decode(ReplyEnvelope<Order>.self, from: octets) {
        _ = error.error(known: [])
    }
}
