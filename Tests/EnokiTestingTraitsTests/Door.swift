import EnokiTestingTraits

/// A service for tests on both brokers.
struct Door: Microservice {
    static let name = "door"

    let events = EventDispatcher()

    var entrypoints: [any Entrypoint] {
        RPC("knock", "times", method: knock)
        EventHandler("open", of: "door", "knocked", open)
        Timer("close", every: .seconds(60)) {}
    }

    func knock(times: Int) async throws -> String {
        for _ in 0..<times { try await events.dispatch("knocked", ["who": "ada"]) }
        return "who is there?"
    }

    func open(_ knock: [String: String]) {}
}
