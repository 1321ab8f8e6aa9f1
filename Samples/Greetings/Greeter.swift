import Enoki

struct Greeter: Microservice {
    static let name = "greeter"

    let events = EventDispatcher()

    var entrypoints: [any Entrypoint] {
        RPC(greet)
    }

    func greet(_ request: Greet) async throws -> String {
        Logger.current.info("greets \(request.name)")
        try await events.dispatch(Greeted(name: request.name))
        return "Hello, \(request.name)!"
    }
}
