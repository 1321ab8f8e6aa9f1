import Enoki

struct Visitor: Microservice {
    static let name = "visitor"

    let greeter = RPCProxy("greeter")

    var entrypoints: [any Entrypoint] {
        Timer("visit", every: .seconds(2), visit)
    }

    func visit() async throws {
        let greeting = try await greeter(Greet(name: "Ada"))
        Logger.current.info("\(greeting)")
    }
}
