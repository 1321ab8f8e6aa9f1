import Enoki

/// The event handlers of `Peer/peer.py`, in Swift: those of a service's events `tick` (reliable) and `tock` (not), in all
/// three modes.
struct TickHandlers: Sendable {
    /// The service whose events they are.
    let source: String
    /// What tells the instance from others where a broadcast is reliable.
    let instance: String

    @EntrypointBuilder var entrypoints: [any Entrypoint] {
        EventHandler("on_tick_pool", of: self.source, "tick", Self.handle)
        EventHandler("on_tick_singleton", of: self.source, "tick", mode: .singleton, Self.handle)
        EventHandler("on_tick_broadcast", of: self.source, "tick", mode: .broadcast(.fixed(self.instance)), Self.handle)
        EventHandler("on_tock_pool", of: self.source, "tock", reliableDelivery: false, Self.handle)
        EventHandler(
            "on_tock_singleton",
            of: self.source,
            "tock",
            mode: .singleton,
            reliableDelivery: false,
            Self.handle
        )
        EventHandler(
            "on_tock_broadcast",
            of: self.source,
            "tock",
            mode: .broadcast,
            reliableDelivery: false,
            Self.handle
        )
    }

    @Sendable private static func handle(_: JSONValue) async throws {}
}

/// A service that handles the events of another in all modes.
struct Listener: Microservice {
    static let name = "listener"
    let ticks: TickHandlers

    init(to source: String) { self.ticks = TickHandlers(source: source, instance: "swift") }

    var entrypoints: [any Entrypoint] { self.ticks.entrypoints }
}

/// The service `peer` of `Peer/peer.py` as a shop would write it in Swift when it moves there: the same names.
struct SwiftPeer: Microservice {
    static let name = "peer"

    let services = RPCProxy("peer")
    let dispatch = EventDispatcher()
    let ticks: TickHandlers

    /// The instance `instance` of the service, for events of `source`.
    init(_ instance: String, eventsOf source: String) {
        self.ticks = TickHandlers(source: source, instance: instance)
    }

    var entrypoints: [any Entrypoint] {
        RPC("who") { "swift" }
        RPC("hold") { "swift" }
        self.ticks.entrypoints
    }
}
