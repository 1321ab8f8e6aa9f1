import Enoki
import EnokiRabbitMQ
import EnokiTestSupport
import EnokiTesting
import Testing

/// A method that calls itself through a service of nameko's.
@Suite(.serialized) struct CallChainTests {
    private struct Circle: Microservice {
        static let name = "circle"
        let peer = RPCProxy("peer")
        let turns = Collector<Int>()
        var dependencies: [any DependencyProvider] { [self.peer] }
        var entrypoints: [any Entrypoint] {
            RPC("turn") { @concurrent () async throws -> JSONValue in
                turns.append(1)
                return try await peer.relay("circle", "turn")
            }
        }
    }

    /// nameko hands on the ten last ids, and what it knows nothing of as it is: a circle is seen among the ids, and our own calls
    /// are counted beyond them.
    @Test(arguments: Nameko.allCases, [(4, 0, 4), (0, 14, 8)]) func isSeenOnItsWayThroughPython(
        _ nameko: Nameko,
        _ expected: (repeats: Int, depth: Int, turns: Int)
    ) async throws {
        var settings = ServiceSettings()
        settings.callChains.repeats = expected.repeats
        settings.callChains.depth = expected.depth
        let circle = Circle()
        try await nameko.withVirtualHost { [settings] host in
            try await NamekoPeer.with(nameko, on: host, eventsOf: "swift") { _ in
                let configuration = try RabbitMQConfiguration.patient(uri: host.uri)
                let connect = { @Sendable in RabbitMQBroker(configuration: configuration, logger: TestBroker.silent) }
                try await withServices(
                    [circle],
                    settings: settings,
                    connect: connect,
                    patience: clusterPatience
                ) { cluster in
                    let error = await #expect(throws: RemoteError.self) {
                        let _: JSONValue = try await cluster.rpc("circle").turn()
                    }
                    let text = error.map { "\($0)" } ?? ""
                    #expect(text.contains("CallChainExceeded circle.turn was not called"))
                    #expect(text.contains("circle.turn → peer.relay → circle.turn"))
                    #expect(circle.turns.elements.count == expected.turns)
                }
            }
        }
    }
}
