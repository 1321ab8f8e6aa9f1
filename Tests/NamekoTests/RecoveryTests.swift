import Enoki
import EnokiInProcess
import EnokiTestSupport
import EnokiTesting
import Testing

/// Connections of both languages are lost, and both come back.
@Suite(.serialized) struct RecoveryTests {
    @Test(arguments: Nameko.allCases) func bothLanguagesComeBack(_ nameko: Nameko) async throws {
        try await nameko.withVirtualHost { host in
            try await NamekoPeer.with(nameko, on: host, eventsOf: "swift") { peer in
                try await withServices([Front(), Catalogue()], on: host) { cluster in
                    let service = cluster.rpc("peer")
                    let before: Int = try await service.relay("catalogue", "add", 1, 2)
                    #expect(before == 3)
                    try await host.dropConnections(foreignCount: 2, because: "closed by the test")
                    try await eventually("nameko and Swift consume again", within: NamekoPeer.patience) {
                        try await host.consumedQueues()
                    } until: {
                        // Nine of the peer, and of each Swift service its RPC queue.
                        $0.count >= 11 && $0.contains("rpc-catalogue") && $0.contains("rpc-peer")
                    }
                    let after = try await eventually("a call goes through both", within: NamekoPeer.patience) {
                        try await service.relay("catalogue", "add", 3, 4) as Int
                    } until: {
                        $0 == 7
                    }
                    #expect(after == 7)
                    try await cluster.rpc("swift").emit("tick", ["n": 1])
                    #expect(try await peer.receivedEvents(3, by: cluster).allSatisfy { $0.data == ["n": 1] })
                }
            }
        }
    }

    /// What no container gives: both languages in one test, with the broker inside its process.
    @Test(arguments: Nameko.Release.allCases)
    func namekoAndServicesInTheProcessOfTheBrokerCallEachOther(_ release: Nameko.Release) async throws {
        let nameko = Nameko(release: release, broker: .amqpPort)
        try await nameko.withVirtualHost { host in
            guard case .amqpPort(let broker, _) = host else { return }
            try await NamekoPeer.with(nameko, on: host) { peer in
                let connect = { @Sendable in broker.connect(name: "swift") }
                try await withServices(Front(), Catalogue(), connect: connect, patience: clusterPatience) { cluster in
                    let sum: Int = try await cluster.rpc("peer").relay("catalogue", "add", 2, 3)
                    #expect(sum == 5)
                    try await peer.client.expect([
                        "services.catalogue.greet('Zoë')": "'Zoë'",
                        "services.swift.fail('stock')": "peer_errors.OutOfStock: tea",
                    ])
                    try await cluster.rpc("swift").emit("tick", ["n": 2])
                    #expect(try await peer.receivedEvents(3, by: cluster).allSatisfy { $0.data == ["n": 2] })
                }
            }
        }
    }
}
