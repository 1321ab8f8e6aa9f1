import Enoki

/// A service of plain methods, right and wrong ones.
struct Calculator: Microservice {
    static let name = "calculator"

    var entrypoints: [any Entrypoint] {
        RPC("add", "a", "b") { (a: Int, b: Int) in a + b }
        RPC("divide", "a", "b", method: divide)
        RPC("greet", "name", "title") { (name: String, title: String?) in title.map { "\($0) \(name)" } ?? name }
        RPC("nothing") {}
        RPC("boom") { () throws -> Int in throw Boom(reason: "on purpose") }
        RPC("not_a_number") { Double.nan }
        RPC("large", "size") { (size: Int) in String(repeating: "x", count: size) }
        RPC(square)
    }

    func divide(a: Int, b: Int) async throws -> Int {
        guard b != 0 else { throw DivisionByZero(dividend: a) }
        return a / b
    }

    func square(_ request: Square) async throws -> Int { request.number * request.number }
}

struct Square: RPCRequest {
    static let service = "calculator"
    static let method = "square"
    static let errors: [any RemoteException.Type] = [DivisionByZero.self]
    typealias Reply = Int
    var number: Int
}

struct Boom: Error { let reason: String }

struct DivisionByZero: RemoteException, Equatable {
    static let path = "calculator.DivisionByZero"
    let dividend: Int
    var arguments: [JSONValue] { [.string("\(self.dividend)")] }

    init(dividend: Int) { self.dividend = dividend }

    init?(arguments: [JSONValue]) {
        guard case .string(let text) = arguments.first, let dividend = Int(text) else { return nil }
        self.dividend = dividend
    }
}
