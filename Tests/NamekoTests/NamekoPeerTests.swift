import Enoki
import EnokiTestSupport
import Testing

/// The peer by itself: were it broken, the tests of Enoki against it would blame Enoki.
@Suite(.serialized) struct NamekoPeerTests {
    @Test(arguments: Nameko.allCases) func nameko_servesItsOwnClient(_ nameko: Nameko) async throws {
        try await nameko.withVirtualHost { host in
            try await NamekoPeer.with(nameko, on: host, eventsOf: "peer") { peer in
                try await peer.client.expect([
                    "services.peer.add(2, b=3)": "5",
                    "services.peer.relay('peer', 'add', 1, 2)": "3",
                    "services.peer.fail('value')": "nameko.exceptions.RemoteError: ValueError: boom é",
                    "services.peer.emit('tick', {'n': 1})": "None",
                ])
                let context: ObservedContext = try await peer.client.value(
                    "services.peer.context()",
                    context: #"{"language": "en"}"#
                )
                #expect(context.callIDStack.count == 2)
                #expect(context.callIDStack.first?.hasPrefix(nameko.standaloneCallIDPrefix) == true)
                #expect(context.data == ["language": "en"])

                let events = try await eventually("three handlers recorded the event") {
                    try await peer.client.value("services.peer_0.received()") as [NamekoPeer.ReceivedEvent]
                } until: {
                    $0.count >= 3
                }
                #expect(events.map(\.mode).sorted() == ["broadcast", "service_pool", "singleton"])
                #expect(events.allSatisfy { $0.data == ["n": 1] && $0.context.callIDStack.count == 3 })
            }
        }
    }
}
