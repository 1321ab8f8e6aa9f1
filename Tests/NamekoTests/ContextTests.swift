import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// Call id stack and context data on their way through services of both languages.
@Suite(.serialized) struct ContextTests {
    private static let data: [String: JSONValue] = [
        "user_id": 7, "language": "de", "user_agent": "Zoë 🍄", "auth_token": "", "flag": true, "ratio": 1.5,
        "big": 1_099_511_627_776, "negative": -3, "very.negative": -1_099_511_627_776,
        "nested": ["list": [1, .null, ["a": "é"]], "empty": [:]],
    ]

    private static let json = """
        {"user_id": 7, "language": "de", "user_agent": "Zoë 🍄", "auth_token": "", "flag": true, "ratio": 1.5,
        "big": 1099511627776, "negative": -3, "very.negative": -1099511627776,
        "nested": {"list": [1, null, {"a": "é"}], "empty": {}}}
        """

    @Test(arguments: Nameko.allCases) func contextsReachPythonThroughSwift(_ nameko: Nameko) async throws {
        try await withNameko(nameko, Front()) { _, peer in
            let context: ObservedContext = try await peer.client.value(
                "services.peer.relay('swift', 'peer_context')",
                context: Self.json
            )
            try #require(context.calls.count == 4)
            #expect(context.callIDStack[0].hasPrefix(nameko.standaloneCallIDPrefix))
            #expect(context.calls.dropFirst() == ["peer.relay", "swift.peer_context", "peer.context"])
            // nameko takes each header for context data, our deadline too.
            var data = context.data
            #expect(data.removeValue(forKey: "enoki.timeout") == 30_000)
            #expect(data == Self.data)
        }
    }

    @Test(arguments: Nameko.allCases) func contextsReachSwiftThroughPython(_ nameko: Nameko) async throws {
        try await withNameko(nameko, Front(), Back()) { _, peer in
            let context: ObservedContext = try await peer.client.value(
                "services.swift.peer_relay('back', 'context')",
                context: Self.json
            )
            try #require(context.calls.count == 4)
            #expect(context.callIDStack[0].hasPrefix(nameko.standaloneCallIDPrefix))
            #expect(context.calls.dropFirst() == ["swift.peer_relay", "peer.relay", "back.context"])
            #expect(context.data == Self.data)
        }
    }

    @Test(arguments: Nameko.allCases) func contextsTravelWithEvents(_ nameko: Nameko) async throws {
        try await withNameko(nameko, Front(), Back()) { cluster, peer in
            let handled = cluster.expect(Back.self, "on_news")
            try await peer.client.run(
                "services.swift.emit('tick', 1)",
                "services.peer.emit('news', 2)",
                context: Self.json
            )
            let fromPython = ObservedContext(try await handled.value().context)
            #expect(fromPython.calls.dropFirst() == ["peer.emit", "back.on_news"])
            #expect(fromPython.data == Self.data)

            let received = try await peer.receivedEvents(3, by: cluster)
            for event in received {
                #expect(event.context.calls.dropFirst().first == "swift.emit")
                #expect(event.context.calls.count == 3)
                #expect(event.context.data == Self.data)
            }
        }
    }

    /// The end of a chain.
    private struct Back: Microservice {
        static let name = "back"
        var entrypoints: [any Entrypoint] {
            RPC("context") { ObservedContext(WorkerContext.current) }
            EventHandler("on_news", of: "peer", "news") { (_: Int) in }
        }
    }
}
