import Enoki

/// An event of about 100 bytes of JSON.
struct Measured: Event {
    static let source = "bench"
    static let type = "measured"

    var id: Int
    var customer: String
    var items: [String]
    var total: Double
    var express: Bool

    static let example = Measured(
        id: 123_456,
        customer: "ada lovelace",
        items: ["tea", "milk", "sugar"],
        total: 12.5,
        express: true
    )
}

/// A call with two arguments and a struct as its result.
struct Add: RPCRequest {
    static let service = "calculator"
    static let method = "add"
    typealias Reply = Sum

    var left: Int
    var right: Int
}

/// The result.
struct Sum: Codable, Sendable {
    var sum: Int
}
