import EnokiTestSupport
import Testing

/// The peer by itself: were it broken, the tests of Enoki against it would blame Enoki.
struct NamekoPeerTests {
    @Test func nameko_servesItsOwnClient() async throws {
        try await RabbitMQVirtualHost.withFresh { host in
            try await NamekoPeer.with(on: host) { peer in
                let sum: Int = try await peer.client.call("peer", "add", arguments: "[2]", keywords: #"{"b": 3}"#)
                #expect(sum == 5)
                let relayed: Int = try await peer.client.call("peer", "relay", arguments: #"["peer", "add", 1, 2]"#)
                #expect(relayed == 3)
                let context: NamekoPeer.Context = try await peer.client.call(
                    "peer",
                    "context",
                    context: #"{"language": "en"}"#
                )
                #expect(context.callIDStack.count == 2)
                #expect(context.data == ["language": "en"])
            }
        }
    }

    @Test func nameko_raisesRemoteErrors() async throws {
        try await RabbitMQVirtualHost.withFresh { host in
            try await NamekoPeer.with(on: host) { peer in
                let error = await #expect(throws: NamekoClient.Exception.self) {
                    let _: JSON = try await peer.client.call("peer", "fail", arguments: #"["value"]"#)
                }
                #expect(error?.pythonClass == "nameko.exceptions.RemoteError")
                #expect(error?.remoteType == "ValueError")
                #expect(error?.remoteValue == "boom é")
            }
        }
    }

    @Test func nameko_handlesEventsInAllModes() async throws {
        try await RabbitMQVirtualHost.withFresh { host in
            try await NamekoPeer.with(on: host, instance: "a", eventsOf: "peer") { peer in
                let _: JSON = try await peer.client.call("peer", "emit", arguments: #"["tick", {"n": 1}]"#)
                let events = try await eventually("three handlers recorded the event") {
                    try await peer.receivedEvents()
                } until: {
                    $0.count >= 3
                }
                #expect(events.map(\.mode).sorted() == ["broadcast", "service_pool", "singleton"])
                #expect(events.allSatisfy { $0.data == .object(["n": 1]) && $0.context.callIDStack.count == 3 })
            }
        }
    }
}
