import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// Messages that end a nameko container, and stay in their queue to end the next one, do not end a Swift service.
@Suite(.serialized) struct HostileMessageTests {
    private struct Hostile {
        let name: String
        var body = #"{"args": [1, 2], "kwargs": {}}"#
        var properties = BasicProperties(contentType: "application/json", contentEncoding: "utf-8", replyTo: "nowhere")

        init(_ name: String, body: String? = nil, _ change: (inout BasicProperties) -> Void = { _ in }) {
            self.name = name
            if let body { self.body = body }
            change(&self.properties)
        }
    }

    private static let messages = [
        Hostile("no reply_to") { $0.replyTo = nil },
        Hostile("no content type") { $0.contentType = nil },
        Hostile("no properties at all", body: "") { $0 = BasicProperties() },
        Hostile("a stack that is an integer") { $0.headers = ["nameko.call_id_stack": 7] },
        Hostile("a stack that is void") { $0.headers = ["nameko.call_id_stack": .void] },
        Hostile("a stack of integers") { $0.headers = ["nameko.call_id_stack": [1, 2]] },
        Hostile("a stack of voids") { $0.headers = ["nameko.call_id_stack": [.void, "a"]] },
        Hostile("a stack of bytes") { $0.headers = ["nameko.call_id_stack": .array([.bytes([0xFF, 0x00])])] },
        Hostile("a stack that is a table") { $0.headers = ["nameko.call_id_stack": ["a": 1]] },
        Hostile("a reply key that is too long for one") { $0.replyTo = String(repeating: "é", count: 127) },
        Hostile("no JSON", body: "{\"args\": ["),
        Hostile("a byte order mark", body: "\u{FEFF}{}"),
        Hostile("an unknown type", body: #"{"args": [{"__type__": "martian", "__value__": 1}], "kwargs": {}}"#),
        Hostile("pickled") { $0.contentType = "application/x-python-serialize" },
    ]

    @Test(arguments: Nameko.allCases) func theyEndNothing(_ nameko: Nameko) async throws {
        try await withNameko(nameko, Front(), Listener(to: "clock")) { cluster, peer in
            for hostile in Self.messages {
                let message = Message(hostile.body, properties: hostile.properties)
                try await cluster.broker.publish(message, to: "nameko-rpc", routingKey: "swift.add")
                for type in ["tick", "tock"] {
                    try await cluster.broker.publish(message, to: "clock.events", routingKey: type)
                }
                // The virtual host's other work goes on: Python calls Swift, Swift calls Python.
                let sum: Int = try await cluster.rpc("peer").relay("swift", "add", 2, 3)
                #expect(sum == 5, "after \(hostile.name)")
            }
            let handled = cluster.expect(Listener.self, "on_tick_pool") { $0.outcome.error == nil }
            try await cluster.dispatch(from: "clock", "tick", 1)
            try await handled.value()
            try await peer.client.expect(["services.swift.add(1, 2)": "3"])
            for queue in ["rpc-swift", "evt-clock-tick--listener.on_tick_pool", "evt-clock-tock"] {
                try await eventually("\(queue) is empty") {
                    let observed = try await peer.client.host.queue(queue)
                    return observed?.messagesReady == 0 && observed?.messagesUnacknowledged == 0
                }
            }
        }
    }
}
