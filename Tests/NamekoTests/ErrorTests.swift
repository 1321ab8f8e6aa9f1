import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// Errors across the language border, in both directions and through several services.
@Suite(.serialized) struct ErrorTests {
    private let deep = String(repeating: "[", count: 80) + String(repeating: "]", count: 80)

    @Test(arguments: Nameko.allCases) func swiftErrorsArriveInPython(_ nameko: Nameko) async throws {
        try await withNamekoClient(nameko, Front(), Catalogue()) { _, client in
            try await client.expect([
                "services.swift.fail('stock')": "peer_errors.OutOfStock: tea",
                "services.swift.fail('plain')": "nameko.exceptions.RemoteError: Broken: it broke on purpose é",
                "services.swift.fail('other')": "nameko.exceptions.RemoteError: Unregistered: 7 times",
                "services.swift.nope(1, b=2)": "nameko.exceptions.MethodNotFound: nope",
                "services.catalogue.add(1)":
                    "nameko.exceptions.IncorrectSignature: add() missing 1 required argument: 'b'",
                "services.catalogue.add(1, b=None)":
                    "nameko.exceptions.IncorrectSignature: add() 'b': expected Int, found null",
                "services.catalogue.add(1, b='two')":
                    "nameko.exceptions.IncorrectSignature: add() 'b': expected Int, found a string",
                "services.catalogue.add(1, 'two')":
                    "nameko.exceptions.IncorrectSignature: add() 'b': expected Int, found a string",
                "services.catalogue.add(1, 2, b=2)":
                    "nameko.exceptions.IncorrectSignature: add() got multiple values for argument 'b'",
                "services.catalogue.add(1, 2, 3)":
                    "nameko.exceptions.IncorrectSignature: add() takes 2 positional arguments but 3 were given",
                "services.catalogue.add(1, 2, c=3)":
                    "nameko.exceptions.IncorrectSignature: add() got an unexpected keyword argument 'c'",
                "services.catalogue.order([{'sku': 'tea', 'count': 1}])":
                    "nameko.exceptions.IncorrectSignature: order() missing 1 required argument: 'lines[0].price'",
                "services.catalogue.echo(\(self.deep))":
                    "nameko.exceptions.MalformedRequest: the body: not JSON: expected at most 64 levels of nesting, at byte 72",
                "services.nobody.hello()": "nameko.exceptions.UnknownService: Unknown service `nobody`",
                "services.swift.call_nobody()":
                    "nameko.exceptions.RemoteError: UnknownService: Unknown service `nobody`",
                "services.catalogue.add(1, 2)": "3",
            ])
        }
    }

    @Test(arguments: Nameko.allCases) func pythonErrorsArriveInSwift(_ nameko: Nameko) async throws {
        try await withNameko(nameko) { cluster, _ in
            let peer = cluster.rpc("peer", errors: [OutOfStock.self])
            func error(_ kind: String) async -> RemoteError? {
                await #expect(throws: RemoteError.self) { try await peer.fail(kind) }
            }
            #expect(
                await error("value")
                    == RemoteError(
                        type: "ValueError",
                        path: "builtins.ValueError",
                        exceptionArguments: ["boom é"],
                        value: "boom é"
                    )
            )
            #expect(await error("key")?.value == "'missing'")
            let custom = await error("custom")
            #expect(custom?.type == "PeerError")
            #expect(custom?.exceptionArguments == ["text", "42", "None", ["key": ["1.5"]]])
            #expect(await error("unserializable")?.path == "nameko.exceptions.UnserializableValueError")

            await #expect(throws: OutOfStock(sku: "tea")) { try await peer.fail("stock") }
            #expect(
                await #expect(throws: RemoteError.self) { try await cluster.rpc("peer").fail("stock") }?.type
                    == "OutOfStock"
            )
            await #expect(throws: MalformedRequest("not a request")) { try await peer.fail("malformed") }
            await #expect(throws: MethodNotFound("nope")) { try await peer.nope() }
            let missing = await #expect(throws: IncorrectSignature.self) { try await peer.add() }
            #expect(missing?.message.contains("missing 1 required positional argument: 'a'") == true)
            let surplus = await #expect(throws: IncorrectSignature.self) { try await peer.add(1, 2, c: 3) }
            #expect(surplus?.message.contains("unexpected keyword argument 'c'") == true)
            await #expect(throws: UnknownService("nobody")) { try await cluster.rpc("nobody").hello() }
            let unknown = await #expect(throws: RemoteError.self) { try await peer.relay("nobody", "hello") }
            #expect(unknown?.type == "UnknownService")
            #expect(unknown?.value == "Unknown service `nobody`")
        }
    }

    /// A method lets the error of the method that it called through, as Python programs do: what nameko makes of its own
    /// errors then, Swift makes of them too.
    @Test(arguments: Nameko.allCases) func failuresAreRelayed(_ nameko: Nameko) async throws {
        try await withNameko(nameko, Front()) { cluster, peer in
            // Python → Swift → Python.
            try await peer.client.expect([
                "services.swift.peer_fail('value')": "nameko.exceptions.RemoteError: RemoteError: ValueError boom é",
                "services.peer.relay('peer', 'fail', 'value')":
                    "nameko.exceptions.RemoteError: RemoteError: ValueError boom é",
                "services.swift.peer_nope()": "nameko.exceptions.MethodNotFound: nope",
                "services.peer.relay('peer', 'nope')": "nameko.exceptions.MethodNotFound: nope",
                "services.peer.relay('swift', 'fail', 'stock')": "peer_errors.OutOfStock: tea",
                "services.swift.peer_relay('nobody', 'hello')":
                    "nameko.exceptions.RemoteError: RemoteError: UnknownService Unknown service `nobody`",
            ])
            // Swift → Python → Swift.
            let relay = cluster.rpc("peer", errors: [OutOfStock.self])
            let plain = await #expect(throws: RemoteError.self) { try await relay.relay("swift", "fail", "plain") }
            #expect(plain?.type == "RemoteError")
            #expect(plain?.value == "Broken it broke on purpose é")
            await #expect(throws: OutOfStock(sku: "tea")) { try await relay.relay("swift", "fail", "stock") }
            await #expect(throws: MethodNotFound("nope")) { try await relay.relay("swift", "nope") }
            let signature = await #expect(throws: IncorrectSignature.self) { try await relay.relay("swift", "add", 1) }
            #expect(signature?.message == "add() missing 1 required argument: 'b'")
            // Four services deep.
            let deep = await #expect(throws: RemoteError.self) { try await relay.relay("swift", "peer_fail", "value") }
            #expect(deep?.value == "RemoteError ValueError boom é")
        }
    }
}
