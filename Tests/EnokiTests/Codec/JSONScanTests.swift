import Testing

@testable import Enoki

/// What the pass over the bytes must not be talked out of: Foundation reads more than JSON once Python's bare words are
/// allowed.
@Suite struct JSONScanTests {
    private static let deep = String(repeating: "[", count: 300) + String(repeating: "]", count: 300)

    @Test(arguments: [
        "[NaN, '\"', \(deep), '\"']", "[NaN /* \" */, \(deep) /* \" */]", "[NaN, // \"\n\(deep)]",
        "['\"', \(deep), '\"', {\"__type__\": \"decimal\", \"__value__\": \"1\"}]",
    ])
    func noOtherDialectHidesTheDepth(_ text: String) {
        #expect(throws: DecodingError.self) { try JSONCodec().decode(JSONValue.self, from: Array(text.utf8)) }
    }

    @Test(arguments: ["[NaN, 'a']", "[NaN /* a */]", "[NaN] // a", "['a']", "[1] // a"])
    func stringsInSingleQuotesAndCommentsAreNoJSON(_ text: String) {
        #expect(throws: DecodingError.self) { try JSONCodec().decode(JSONValue.self, from: Array(text.utf8)) }
    }

    @Test func inStringsTheyAreText() throws {
        let value = try JSONCodec().decode(JSONValue.self, from: Array(#"["it's", "a/b", "// N", NaN]"#.utf8))
        guard case .array(let values) = value else { throw UnexpectedValue() }
        #expect(values.prefix(3) == ["it's", "a/b", "// N"])
    }

    private struct UnexpectedValue: Error {}
}
