import Enoki

struct Published: Event, Equatable {
    static let source = "press"
    static let type = "published"
    var title: String
}

/// Dispatches events.
struct Press: Microservice {
    static let name = "press"
    let events = EventDispatcher()

    var entrypoints: [any Entrypoint] {
        RPC("publish", "title", method: publish)
        RPC("dispatch", "type", "text") { (type: String, text: String) in try await events.dispatch(type, text) }
        RPC("forge") { try await events.dispatch(Forged()) }
    }

    func publish(title: String) async throws { try await self.events.dispatch(Published(title: title)) }

    struct Forged: Event {
        static let source = "police"
        static let type = "raid"
    }
}

/// Handles them in all modes.
struct Reader: Microservice {
    static let name = "reader"

    var entrypoints: [any Entrypoint] {
        EventHandler("pooled", pooled)
        EventHandler("single", of: "press", "published", mode: .singleton) { (_: Published) in }
        EventHandler("everywhere", of: "press", "published", mode: .broadcast) { (_: Published) in }
    }

    func pooled(_ event: Published) async throws {}
}

/// Another service in the same singleton.
struct Rival: Microservice {
    static let name = "rival"

    var entrypoints: [any Entrypoint] {
        EventHandler("pooled", of: "press", "published") { (_: Published) in }
        EventHandler("single", of: "press", "published", mode: .singleton) { (_: Published) in }
    }
}
