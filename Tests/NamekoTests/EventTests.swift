import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// Events across the language border, in all three modes, reliable and not.
@Suite(.serialized) struct EventTests {
    private static let modes = ["broadcast", "service_pool", "singleton"]
    private static let handlers =
        ["on_tick_pool", "on_tick_singleton", "on_tick_broadcast"]
        + ["on_tock_pool", "on_tock_singleton", "on_tock_broadcast"]

    @Test(arguments: Nameko.allCases) func namekoHandlesSwiftEvents(_ nameko: Nameko) async throws {
        struct Tock: Event {
            static let source = "swift"
            static let type = "tock"
            var text: String
            var none: Int?
        }
        try await withNameko(nameko, Front(), eventsOf: "swift") { cluster, peer in
            try await cluster.rpc("swift").emit("tick", ["n": 1])
            try await cluster.dispatch(Tock(text: "Zoë"))
            let events = try await peer.receivedEvents(6, by: cluster)
            let ticks = events.filter { $0.type == "tick" }
            #expect(ticks.map(\.mode).sorted() == Self.modes)
            #expect(ticks.allSatisfy { $0.data == ["n": 1] })
            let tocks = events.filter { $0.type == "tock" }
            #expect(tocks.map(\.mode).sorted() == Self.modes)
            #expect(tocks.allSatisfy { $0.data == ["text": "Zoë"] })
        }
    }

    @Test(arguments: Nameko.allCases) func swiftHandlesNamekoEvents(_ nameko: Nameko) async throws {
        try await withNameko(nameko, Listener(to: "peer"), eventsOf: "nobody") { cluster, peer in
            // Twice each: from a worker, and from the standalone dispatcher, which sends no context.
            let expected = Self.handlers.map { cluster.expect(Listener.self, $0, count: 2) }
            try await peer.client.run(
                "services.peer.emit('tick', {'n': 1})",
                "services.peer.emit('tock', None)",
                "dispatch('peer', 'tick', 2)",
                "dispatch('peer', 'tock', ['é'])"
            )
            for handler in expected {
                let calls = try await handler.values()
                #expect(calls.allSatisfy { $0.outcome.error == nil })
                #expect(Set(calls.map(\.context.callIDStack.count)) == [1, 3])
                #expect(
                    calls.filter { $0.context.callIDStack.count == 1 }.allSatisfy { $0.context.contextData.isEmpty }
                )
            }
        }
    }

    /// The queue of a singleton belongs to no service: a Python service and a Swift one share it.
    @Test(arguments: Nameko.allCases) func aPythonAndASwiftServiceShareASingleton(_ nameko: Nameko) async throws {
        try await withNameko(nameko, Listener(to: "clock"), eventsOf: "clock") { cluster, peer in
            let pool = cluster.expect(Listener.self, "on_tick_pool", count: 20)
            for number in 0..<20 { try await cluster.dispatch(from: "clock", "tick", number) }
            try await pool.values()

            func swift() -> Int { cluster.calls.count { $0.entrypoint == "on_tick_singleton" } }
            let events = try await eventually("each event is handled") {
                try await cluster.rpc(peer.ownService).received() as [NamekoPeer.ReceivedEvent]
            } until: { events in
                // A pool and a broadcast of its own, and what Swift left of the singleton.
                events.count + swift() >= 60
            }
            let python = events.count { $0.mode == "singleton" }
            #expect(python + swift() == 20)
            #expect(python > 0 && swift() > 0)
            #expect(events.count { $0.mode == "broadcast" } == 20)
            #expect(events.count { $0.mode == "service_pool" } == 20)
        }
    }
}
