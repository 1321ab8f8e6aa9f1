import Enoki
import EnokiTestSupport
import EnokiTesting
import Foundation
import Testing

/// A shop moves one service at a time: for a while instances in both languages are one service.
@Suite(.serialized) struct MigrationTests {
    @Test(arguments: Nameko.allCases) func instancesInBothLanguagesShareTheWork(_ nameko: Nameko) async throws {
        let swift = SwiftPeer("swift", eventsOf: "clock")
        try await withNameko(nameko, swift, eventsOf: "clock") { cluster, peer in
            var answers: [String: Int] = [:]
            for _ in 0..<20 {
                let who: String = try await cluster.rpc("peer").who()
                answers[who, default: 0] += 1
            }
            #expect(Set(answers.keys) == ["swift", "nameko 0"])

            let everywhere = cluster.expect(SwiftPeer.self, "on_tick_broadcast", count: 20)
            for number in 0..<20 {
                try await cluster.dispatch(from: "clock", "tick", number)
                try await cluster.dispatch(from: "clock", "tock", number)
            }
            try await everywhere.values()
            func handled(_ entrypoint: String) -> Int { cluster.calls.count { $0.entrypoint == entrypoint } }
            let events = try await eventually("each event is handled once by the pools, once by the singletons") {
                try await cluster.rpc(peer.ownService).received() as [NamekoPeer.ReceivedEvent]
            } until: { events in
                events.count + cluster.calls.count { $0.entrypoint.hasPrefix("on_t") } >= 160
            }
            for type in ["tick", "tock"] {
                for (mode, entrypoint) in [("service_pool", "on_\(type)_pool"), ("singleton", "on_\(type)_singleton")] {
                    let python = events.count { $0.type == type && $0.mode == mode }
                    #expect(python + handled(entrypoint) == 20, "\(entrypoint)")
                    #expect(python > 0 && handled(entrypoint) > 0, "\(entrypoint)")
                }
                #expect(events.count { $0.type == type && $0.mode == "broadcast" } == 20)
                #expect(handled("on_\(type)_broadcast") == 20)
            }
        }
    }

    @Test(arguments: Nameko.allCases) func whatAKilledPythonInstanceHeldIsDoneInSwift(_ nameko: Nameko) async throws {
        try await withNameko(nameko, SwiftPeer("swift", eventsOf: "clock"), eventsOf: "clock") { cluster, peer in
            let service = cluster.rpc("peer")
            let answers = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<6 { group.addTask { try await service.hold() } }
                try await eventually("six requests are answered by Swift or held by Python") {
                    try await peer.client.host.queue("rpc-peer")?.messagesUnacknowledged ?? 0
                } until: { held in
                    // Six at first, while Swift has not answered its own.
                    (1..<6).contains(held) && held + cluster.calls.count { $0.entrypoint == "hold" } == 6
                }
                peer.process.send(signal: SIGKILL)
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers == Array(repeating: "swift", count: 6))
            #expect(cluster.calls.count { $0.context.redelivered } > 0)
        }
    }

    /// What a broker's operator sees of a service.
    private struct Objects: Equatable {
        var exchanges: Set<ObservedExchange>
        var queues: Set<Queue>
        var bindings: Set<Binding>

        struct Queue: Hashable {
            var name: String
            var durable: Bool
            var exclusive: Bool
            var autoDelete: Bool
            var arguments: [String: ArgumentText]
        }

        struct Binding: Hashable {
            var source: String
            var destination: String
            var routingKey: String
            var arguments: [String: ArgumentText]
        }

        /// Those on `host`, with `x` for what is random, without those of the service that only the test needs, and without
        /// the way back of retries, which nameko has not.
        init(on host: TestVirtualHost) async throws {
            self.exchanges = Set(try await host.exchanges().filter { !$0.name.hasPrefix("enoki.") })
            let queues = try await host.queues().map {
                Queue(
                    name: Self.withoutRandomness($0.name),
                    durable: $0.durable,
                    exclusive: $0.exclusive,
                    autoDelete: $0.autoDelete,
                    arguments: $0.arguments
                )
            }
            let bindings = try await host.bindings().map {
                Binding(
                    source: $0.source,
                    destination: Self.withoutRandomness($0.destination),
                    routingKey: Self.withoutRandomness($0.routingKey),
                    arguments: $0.arguments
                )
            }
            self.queues = Set(queues.filter { !$0.name.contains("peer_") && !$0.name.hasPrefix("enoki.") })
            self.bindings = Set(bindings.filter { !$0.destination.contains("peer_") && !$0.source.hasPrefix("enoki.") })
        }

        private static func withoutRandomness(_ name: String) -> String {
            name.replacing(/[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/, with: "x")
        }
    }

    @Test(arguments: Nameko.allCases) func bothDeclareTheSame(_ nameko: Nameko) async throws {
        let python = try await nameko.withVirtualHost { host in
            try await NamekoPeer.with(nameko, on: host, instance: "0", eventsOf: "clock") { _ in
                try await Objects(on: host)
            }
        }
        let swift = try await nameko.withVirtualHost { host in
            try await withServices([SwiftPeer("0", eventsOf: "clock")], on: host) { _ in try await Objects(on: host) }
        }
        #expect(python.exchanges == swift.exchanges)
        #expect(python.queues == swift.queues)
        #expect(python.bindings == swift.bindings)
        #expect(python.queues.count == 8)
    }
}
