import EnokiBroker
import Testing

@testable import EnokiInProcess

@Suite struct HeadersMatchTests {
    @Test(
        arguments: [
            (["a": 1, "b": "x"], ["a": 1, "b": "x", "c": 2], true),
            (["a": 1, "b": "x"], ["a": 1], false),
            (["x-match": "all", "a": 1], ["a": 2], false),
            (["x-match": "any", "a": 1, "b": 2], ["b": 2], true),
            (["x-match": "any", "a": 1, "b": 2], ["b": 3], false),
            ([:], ["a": 1], true),
            (["x-match": "any"], ["a": 1], false),
            (["a": .void], ["a": "anything"], true),
            (["a": .void], [:], false),
            (["a": .int64(1)], ["a": .uint8(1)], true),
            (["a": .float(0.5)], ["a": .double(0.5)], true),
            (["a": 1], ["a": "1"], false),
            (["x-id": 1, "a": 1], ["a": 1], true),
            (["x-match": "all-with-x", "x-id": 1], [:], false),
            (["x-match": "any-with-x", "x-id": 1], ["x-id": 1], true),
            (["a": "\u{e9}"], ["a": "\u{65}\u{301}"], false),
        ] as [(Headers, Headers, Bool)]
    )
    func matchesHeadersAsRabbitMQDoes(arguments: Headers, headers: Headers, matches: Bool) {
        #expect(HeadersMatch(arguments).matches(HeadersLookup(headers)) == matches)
    }
}
