import Enoki

/// A service whose methods call nameko's `peer`, and fail in all ways.
struct Front: Microservice {
    static let name = "swift"

    let peer = RPCProxy("peer")
    let nobody = RPCProxy("nobody")
    let events = EventDispatcher()

    var entrypoints: [any Entrypoint] {
        RPC("add", "a", "b") { (a: Int, b: Int) in a + b }
        RPC("context") { ObservedContext(WorkerContext.current) }
        RPC("fail", "kind", method: fail)
        RPC("emit", "type", "data") { (type: String, data: JSONValue) in try await events.dispatch(type, data) }
        RPC("call_nobody") { try await nobody.hello() }
        RPC("peer_fail", "kind") { (kind: String) in try await peer.fail(kind) }
        RPC("peer_nope") { try await peer.nope() }
        RPC("peer_context") { () async throws -> ObservedContext in try await peer.context() }
        RPC("peer_relay", "service", "method") { (service: String, method: String) async throws -> JSONValue in
            try await peer.relay(service, method)
        }
    }

    func fail(kind: String) async throws {
        switch kind {
        case "stock": throw OutOfStock(sku: "tea")
        case "plain": throw Broken(reason: "on purpose é")
        default: throw Unregistered(count: 7)
        }
    }

    /// An error that says nothing of how it travels.
    struct Broken: Error, CustomStringConvertible {
        let reason: String
        var description: String { "it broke \(self.reason)" }
    }

    /// An error with a path that no Python program has registered.
    struct Unregistered: RemoteException, CustomStringConvertible {
        static let path = "swift.errors.Unregistered"
        let count: Int
        var arguments: [JSONValue] { [.integer(Int64(self.count))] }
        var description: String { "\(self.count) times" }

        init(count: Int) { self.count = count }
        init?(arguments: [JSONValue]) { return nil }
    }
}

/// An error that both languages know by the path of the Python class (`Peer/peer_errors.py`).
struct OutOfStock: RemoteException, Equatable {
    static let path = "peer_errors.OutOfStock"
    let sku: String
    var arguments: [JSONValue] { [.string(self.sku)] }

    init(sku: String) { self.sku = sku }

    init?(arguments: [JSONValue]) {
        guard case .string(let sku) = arguments.first else { return nil }
        self.sku = sku
    }
}
