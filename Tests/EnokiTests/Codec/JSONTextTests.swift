import EnokiBroker
import Foundation
import Testing

@testable import Enoki

/// What is JSON, and what is not: nothing that only Foundation, only Python or only JavaScript takes for it.
@Suite struct JSONTextTests {
    private func read(_ text: String) throws -> JSONValue {
        try JSONValue(JSONText(Array(text.utf8), maximumDepth: 64))
    }

    private func decoded(_ text: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    @Test(arguments: [
        "null", "true", " false ", "0", "-0", "12", "-1.5", "1.0", "1e2", "1E-2", "1.25e+3", "9223372036854775807",
        "9223372036854775808", "-9223372036854775808", "1e308", "5e-324", "\"\"", "\"a\"", "[]", "[ ]", "{}", "{ }",
        "[1,2]", "[[],[[]],{}]", #"{"a":1,"b":{"a":[null]}}"#, "\t[\r\n1 , 2 ]\n", #""é€😀""#,
        #""\" \\ \/ \b\f\n\r\t""#, #""\u0041\u00e9\u20AC\ud83d\ude00""#, #"{"\u0061":1,"b":2}"#, #""\u0000""#,
        #"["[[[[\"[[[", {"a": "]"}]"#, #"["it's", "a/b", "// N"]"#,
    ])
    func valuesAreReadAsFoundationReadsThem(_ text: String) throws {
        let value = try read(text)
        #expect(try value == decoded(text))
        #expect(try JSONCodec().decode([JSONValue].self, from: Array("[\(text)]".utf8)) == [value])
    }

    @Test(arguments: [
        "", " ", "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
        "{a:1}", "{1:1}", "{'a':1}", "{null:1}", "[}", "{]", "[1]]", "1 2", "nul", "nulll", "True", "None", "undefined",
        "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x10", "1_0", "--1", "Nan", "-NaN", "+Infinity", "Inf",
        "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "\"\u{0}\"", "\u{0}", "\"\u{1F}\"",
        #"{"\ud800":1}"#, "'a'", "[NaN, 'a']", "[NaN /* a */]", "[NaN] // a",
        "[1] // a", "[NaN,]", "{NaN:1}", "\u{FEFF}1", "\u{A0}1", "1\u{2028}", "[1]\u{0}", "1;",
    ])
    func whatIsNotJSONIsRefused(_ text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONText(Array(text.utf8), maximumDepth: 64) }
        #expect(throws: DecodingError.self) { try JSONCodec().decode(JSONValue.self, from: Array(text.utf8)) }
    }

    @Test(
        arguments: [
            [0xFF], [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xE2, 0x82, 0x22],
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0xFE, 0xFF, 0, 0x31], [0x31, 0], [0, 0, 0, 0x31],
            [0xEF, 0xBB, 0xBF, 0x31],
        ] as [[UInt8]]
    )
    func whatIsNotUTF8IsRefused(_ bytes: [UInt8]) {
        #expect(throws: JSONSyntaxError.self) { try JSONText(bytes, maximumDepth: 64) }
    }

    @Test(arguments: [
        #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"a":1,"\u0061":2}"#, #"[{"x":{"a":1,"a":2}}]"#, #"{"":1,"":2}"#,
        "{\"\u{E9}\":1,\"e\u{301}\":2}",
    ])
    func aNameTwiceInAnObjectIsRefused(_ text: String) {
        let error = #expect(throws: JSONSyntaxError.self) { try JSONText(Array(text.utf8), maximumDepth: 64) }
        #expect(error?.expected == "each name once in an object")
    }

    @Test func amongManyNamesTooOneMayNotComeTwice() throws {
        let many = (0..<1000).map { "\"k\($0)\":{\"a\":1}" }.joined(separator: ",")
        #expect(throws: Never.self) { try JSONText(Array("{\(many)}".utf8), maximumDepth: 64) }
        #expect(throws: JSONSyntaxError.self) { try JSONText(Array("{\(many),\"k3\":1}".utf8), maximumDepth: 64) }
        #expect(throws: JSONSyntaxError.self) { try JSONText(Array("{\(many),\"k999\":1}".utf8), maximumDepth: 64) }
    }

    @Test func anErrorSaysWhereAndQuotesNothing() {
        let error = #expect(throws: JSONSyntaxError.self) {
            try JSONText(Array(#"{"password": hunter2}"#.utf8), maximumDepth: 64)
        }
        #expect(error?.description == "not JSON: expected a value, at byte 13")
    }

    @Test(
        .bug("https://github.com/Arthur-Ficial/apfel/issues/462", "apfel: deeply nested JSON kills a process in Swift"),
        arguments: ["[", "{\"a\":", "[{\"a\":"]
    )
    func nestingIsBounded(_ opening: String) {
        let start = self.processorTime
        for depth in [65, 511, 1_000_000] {
            let text = Array(String(repeating: opening, count: depth).utf8)
            let error = #expect(throws: JSONSyntaxError.self) { try JSONText(text, maximumDepth: 64) }
            #expect(error?.expected == "at most 64 levels of nesting")
        }
        #expect(self.processorTime - start < 5)
    }

    /// A double that large stands for several integers.
    @Test func aFractionBecomesAnIntegerOnlyWhereThatIsExact() throws {
        #expect(try self.read("9007199254740992.0") == .integer(9_007_199_254_740_992))
        #expect(try self.read("9223372036854771.0") == .double(9_223_372_036_854_772))
        #expect(try self.read("9223372036854775807") == .integer(.max))
    }

    @Test func wordsOfPythonAreTold() throws {
        #expect(try !JSONText(Array(#"["NaN", "Infinity"]"#.utf8), maximumDepth: 64).holdsPythonNumbers)
        #expect(try JSONText(Array("[NaN]".utf8), maximumDepth: 64).holdsPythonNumbers)
        #expect(try read("[Infinity, -Infinity]") == [.double(.infinity), .double(-.infinity)])
        guard case .double(let value) = try read("NaN") else { throw UnexpectedValue() }
        #expect(value.isNaN)
    }

    @Test func typedValuesAreToldHoweverTheyAreWritten() throws {
        for name in ["__type__", "\\u005f_type__"] {
            let text = Array("{\"\(name)\": \"decimal\", \"__value__\": \"1.5\"}".utf8)
            #expect(try JSONText(text, maximumDepth: 64).holdsTypedValues)
            #expect(try JSONCodec().decode(Double.self, from: text) == 1.5)
        }
        #expect(try !JSONText(Array(#"["__type__"]"#.utf8), maximumDepth: 64).holdsTypedValues)
    }

    @Test(arguments: ["1e400", "[1, -1e999]", #"{"a": [1e400]}"#]) func numbersBeyondADoubleAreErrors(_ text: String) {
        #expect(throws: DecodingError.self) { try read(text) }
    }

    @Test(arguments: [#"\ud800"#, #"\ud800\u0041"#, #"\udc00"#, #"\ud800x"#]) func halfACharacterIsAnErrorWithItsPath(
        _ text: String
    ) {
        let error = #expect(throws: UnreadableMessage.self) {
            try Codecs.json.read(JSONValue.self, from: Message("{\"a\": [1, \"\(text)\"]}"))
        }
        #expect(error?.explanation == "'a[1]': the text holds half a character")
    }

    /// Who reads any value, and beside what.
    enum Reader: CaseIterable {
        case alone, besideATypedValue, inAnArgument, exactly

        /// How many values of an array it reads.
        func count(_ array: String) throws -> Int {
            let codec = JSONCodec()
            switch self {
            case .alone: return try Self.count(codec.decode(JSONValue.self, from: Array(array.utf8)))
            case .besideATypedValue:
                let text = Array(#"{"value": \#(array), "other": {"__type__": "x"}}"#.utf8)
                guard case .object(let members) = try codec.decode(JSONValue.self, from: text) else { return 0 }
                return Self.count(members["value"] ?? .null)
            case .inAnArgument:
                struct Argument: Decodable { let value: JSONValue }
                return Self.count(try codec.decode(Argument.self, from: Array(#"{"value": \#(array)}"#.utf8)).value)
            case .exactly:
                guard case .array(let values) = try codec.decode(ExactValue.self, from: Array(array.utf8)) else {
                    return 0
                }
                return values.count
            }
        }

        private static func count(_ value: JSONValue) -> Int {
            if case .array(let values) = value { values.count } else { 0 }
        }
    }

    /// What this thread has used, in seconds: whoever else works meanwhile does not count.
    private var processorTime: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// What costs a decoder most must not cost more than its size.
    @Test(arguments: ["[],", "{},", "[[1]],", "{\"a\":null},", "\"\\u00e9\",", "1.5,"], Reader.allCases)
    func anyValueIsReadInLinearTime(_ item: String, _ reader: Reader) throws {
        func seconds(_ size: Int) throws -> Double {
            let count = size / item.utf8.count
            let text = "[\(String(repeating: item, count: count))0]"
            let start = self.processorTime
            #expect(try reader.count(text) == count + 1)
            return self.processorTime - start
        }
        let small = try seconds(1 << 13)
        let large = try seconds(1 << 17)
        // Quadratic would be 256 times as long.
        #expect(large < max(small, 0.02) * 64)
    }

    /// Beside a value of Python nothing is read in another way, which took ten times as long.
    @Test(arguments: [
        (#" [1.50 , {"__type__": "decimal", "__value__": "9.99"}, 1e5, NaN] "#, " [1.50 , 9.99, 1e5, NaN] "),
        (#"{"__type__":"datetime","__value__":"2020-01-02\u0054"}"#, #""2020-01-02\u0054""#),
        (
            #"[{"__value__": {"hex": "00000000000000000000000000000001"}, "__type__": "uuid"}, 7]"#,
            #"["00000000-0000-0000-0000-000000000001", 7]"#
        ),
        // What stands in one that is replaced is replaced with it.
        (
            #"[0,{"__type__":"uuid","__value__":{"more":{"__type__":"date","__value__":"a"},"hex":"0000000000000000000000000000000f"}},1]"#,
            #"[0,"00000000-0000-0000-0000-00000000000f",1]"#
        ),
        (
            #"{"a":{"__type__":"time","__value__":"b"},"c":[{"__type__":"date","__value__":"d"},{"e":1}]}"#,
            #"{"a":"b","c":["d",{"e":1}]}"#
        ),
    ])
    func whatIsNoTypedValueStaysAsItIsWritten(_ text: String, _ plain: String) throws {
        let text = try JSONText(Array(text.utf8), maximumDepth: 64)
        #expect(String(decoding: try text.plain.bytes, as: UTF8.self) == plain)
    }

    @Test(arguments: [
        #"{"__type__": "decimal", "__value__": 1}"#, #"{"__type__": "decimal", "__value__": "x"}"#,
        #"{"__type__": "decimal", "__value__": "1.5abc"}"#,
        #"{"__type__": "decimal", "__value__": "1.234567890123456789012345678901234567890"}"#,
        #"{"__type__": "decimal", "__value__": "NaN"}"#, #"{"__type__": "decimal", "__value__": "1", "more": 1}"#,
        #"{"__type__": "uuid", "__value__": {"hex": "1"}}"#, #"{"__type__": ["decimal"], "__value__": "1"}"#,
        #"{"__type__": "uuid", "__value__": {"hex": "\"\"000000000000000000000000000000"}}"#,
        #"{"__type__": "uuid", "__value__": [{"hex": "00000000000000000000000000000001"}]}"#,
        #"{"__type__": "bytes", "__value__": "abc"}"#, #"{"__type__": "date", "__value__": "\ud800"}"#,
        #"{"__type__": "\ud800", "__value__": "1"}"#, #"["__type__", "decimal", "__value__", {"__type__": 1}]"#,
    ])
    func whatIsNoneOfPythonsValuesStaysAsItIs(_ text: String) throws {
        let json = try JSONText(Array(text.utf8), maximumDepth: 64)
        #expect(json.holdsTypedValues)
        #expect(String(decoding: try json.plain.bytes, as: UTF8.self) == text)
    }

    private struct UnexpectedValue: Error {}
}
