import EnokiBroker
import Testing

@testable import Enoki

@Suite struct CallContextTests {
    @Test(arguments: Golden.allCases) func readsWhatNamekoSends(_ version: Golden) throws {
        let context = CallContext(headers: try version.example("rpc_request_in_service").headers)
        #expect(context.callIDStack.count == 2)
        #expect(context.callIDStack.last?.hasPrefix("alpha.relay.") == true)
        #expect(context.data["language"] == .string("en"))
        #expect(context.data["user_id"] == .int32(7))
        #expect(context.data["call_id_stack"] == nil)
    }

    @Test(arguments: Golden.allCases) func sendsWhatNamekoSent(_ version: Golden) throws {
        let captured = try version.example("rpc_request_in_service").headers
        let sent = CallContext(headers: captured).headers
        #expect(Set(sent) == Set(captured))
    }

    @Test func keepsHeadersWithoutPrefixAndSendsThemWithIt() {
        let context = CallContext(headers: ["foo": "bar", "nameko.a.b": 1])
        #expect(context.data == ["foo": "bar", "a.b": 1])
        #expect(context.headers["nameko.foo"] == "bar")
        #expect(context.headers["nameko.a.b"] == 1)
    }

    @Test func doesNotHandOnWhatBelongsToTransports() {
        let context = CallContext(headers: [
            "x-death": ["a"], "CC": ["elsewhere"], "BCC": ["elsewhere"], "enoki.timeout": 5, "compression": "gzip",
            "": 1, "nameko.enoki.timeout": 5,
        ])
        #expect(context.data.isEmpty)
    }

    @Test func dropsNullValues() {
        #expect(CallContext(headers: ["nameko.user_id": .void]).headers["nameko.user_id"] == nil)
    }

    @Test(arguments: [
        FieldValue.int32(1), .void, .string("one"), .array([.int32(1), .void, .bytes([1])]), .array([]),
        .array([.string(String(repeating: "x", count: 300))]),
    ])
    func noCallIDStackOfAPeerCanHurt(_ stack: FieldValue) {
        let ids = CallContext(headers: ["nameko.call_id_stack": stack]).callIDStack
        #expect(ids == (stack == .string("one") ? ["one"] : []))
    }

    @Test func boundsWhatAPeerMakesUsCarry() {
        let deep = CallContext(headers: ["nameko.call_id_stack": .array((0..<100_000).map { .string("id\($0)") })])
        #expect(deep.callIDStack.count == 32)
        #expect(deep.callIDStack.last == "id99999")

        let many = CallContext(headers: Headers((0..<1000).map { ("nameko.k\($0)", .int32(1)) }))
        #expect(many.data.count == 64)

        let large = CallContext(headers: [
            "nameko.large": .string(String(repeating: "x", count: 100_000)), "nameko.small": 1,
        ])
        #expect(large.data == ["small": 1])
    }

    @Test func thePrefixIsCutByItsBytes() {
        // The accent joins the dot before it to one character.
        let context = CallContext(headers: ["nameko.\u{301}x": 1])
        #expect(context.data.map { Array($0.name.utf8) } == [Array("\u{301}x".utf8)])
    }

    @Test func whatCannotBeSentOnIsLeftOut() {
        // With the prefix the name would be longer than AMQP allows, and nothing that the call publishes could be sent.
        let long = String(repeating: "x", count: 249)
        let fitting = String(repeating: "y", count: 248)
        let context = CallContext(headers: [long: 1, fitting: 2, "a\0": 3, "b": [["c\0": 4]]])
        #expect(context.data == [fitting: 2])
    }

    @Test func allThatAPeerMakesUsCarryIsBoundedTogether() {
        let id = String(repeating: "i", count: 255)
        var headers: Headers = ["nameko.call_id_stack": .array(Array(repeating: .string(id), count: 32))]
        for index in 0..<64 { headers.append("nameko.k\(index)", .string(String(repeating: "x", count: 200))) }
        let context = CallContext(headers: headers)
        #expect(context.callIDStack.count == 15)
        #expect(!context.data.isEmpty)
        #expect(context.headers.estimatedSize < 9 * 1024)
    }

    @Test func ofALongStackTheNewestIDsStay() {
        let id = String(repeating: "i", count: 250)
        let ids = (0..<32).map { FieldValue.string("\(id)\($0)") }
        #expect(CallContext(headers: ["nameko.call_id_stack": .array(ids)]).callIDStack.last == "\(id)31")
    }

    @Test func callsBeyondTheIdsAreCounted() {
        let ids: FieldValue = ["a.b.1", "c.d.2"]
        #expect(CallContext(headers: ["nameko.call_id_stack": ids]).depth == 2)
        // As we send it, and as a nameko service between hands it on.
        for name in ["enoki.call_depth", "nameko.enoki.call_depth"] {
            let context = CallContext(headers: ["nameko.call_id_stack": ids, name: 14])
            #expect(context.depth == 14)
            #expect(context.data.isEmpty)
            #expect(context.headers["enoki.call_depth"]?.integerValue == 14)
        }
        let both = CallContext(headers: ["nameko.enoki.call_depth": 3, "enoki.call_depth": 5])
        #expect(both.depth == 5)
        // Nobody pays for a header that says no more than the ids.
        #expect(CallContext(callIDStack: ["a.b.1"]).headers["enoki.call_depth"] == nil)
    }

    @Test(arguments: [FieldValue.int64(.max), .int64(.min), .int32(-5), .string("x"), .void, .array([]), .uint64(.max)])
    func noDepthThatAPeerSaysCanHurt(_ depth: FieldValue) {
        let context = CallContext(headers: ["nameko.call_id_stack": ["a.b.1"], "enoki.call_depth": depth])
        #expect((0...1_000_000).contains(context.depth))
    }

    @Test func idsAndNamesWithLineBreaksAreNone() {
        let context = CallContext(headers: [
            "nameko.call_id_stack": ["a", "b\r\nc", "d\0", "e\u{7F}", "f"], "nameko.a\r\nb": 1, "g\0": 2, "h": 3,
        ])
        #expect(context.callIDStack == ["a", "f"])
        #expect(context.data == ["h": 3])
    }

    @Test func aListOfContextKeysKeepsNoOthers() {
        let headers: Headers = [
            "nameko.language": "en", "user_id": 7, "nameko.admin": true, "nameko.call_id_stack": ["a"],
        ]
        let context = CallContext(headers: headers, keeping: ["language", "user_id"])
        #expect(context.data == ["language": "en", "user_id": 7])
        #expect(context.callIDStack == ["a"])
        #expect(CallContext(headers: headers, keeping: []).data.isEmpty)
    }
}
