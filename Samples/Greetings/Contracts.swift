import Enoki

struct Greet: RPCRequest {
    static let service = "greeter"
    static let method = "greet"
    typealias Reply = String

    var name: String
}

struct Greeted: Event {
    static let source = "greeter"
    static let type = "greeted"

    var name: String
}
