import EnokiBroker
import Foundation
import Testing

@testable import Enoki

@Suite struct JSONCodecTests {
    private let codec = JSONCodec()

    @Test func aDateTravelsAsKombusDatetime() throws {
        let date = Date(timeIntervalSince1970: 1_577_934_245)
        let body = try self.codec.encode(date)
        #expect(String(decoding: body, as: UTF8.self).contains("\"__type__\":\"datetime\""))
        #expect(try self.codec.decode(Date.self, from: body) == date)
    }

    @Test(arguments: [
        "\"2020-01-02T03:04:05\"", "\"2020-01-02T03:04:05Z\"", "\"2020-01-02 03:04:05\"",
        "\"2020-01-02T04:04:05+01:00\"",
        "\"2020-01-02T03:04:05.000\"", "1577934245", #"{"__type__":"datetime","__value__":"2020-01-02T03:04:05"}"#,
    ])
    func readsDatesInTheFormsOfPython(_ text: String) throws {
        #expect(try self.codec.decode(Date.self, from: Array(text.utf8)).timeIntervalSince1970 == 1_577_934_245)
    }

    @Test func anObjectOfThreeKeysIsNoPythonValue() throws {
        let text = #"{"__type__": "decimal", "__value__": "1", "more": 1}"#
        let value = try self.codec.decode(JSONValue.self, from: Array(text.utf8))
        #expect(value == ["__type__": "decimal", "__value__": "1", "more": 1])
    }

    @Test func readsNoDeeperThanItsBound() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        _ = try self.codec.decode(JSONValue.self, from: nested(JSONCodec.maximumDepth))
        #expect(throws: DecodingError.self) {
            try self.codec.decode(JSONValue.self, from: nested(JSONCodec.maximumDepth + 1))
        }
        #expect(throws: DecodingError.self) { try self.codec.decode(JSONValue.self, from: nested(1_000_000)) }
    }

    @Test func bracketsInStringsAreNoNesting() {
        #expect(JSONScan(Array(#"["[[[[\"[[[", {"a": "]"}]"#.utf8)).depth == 2)
    }

    @Test func refusesWhatIsNotUTF8() {
        #expect(throws: DecodingError.self) { try self.codec.decode(String.self, from: [0x22, 0xFF, 0x22]) }
        let utf16 = Array("\"ab\"".utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        #expect(throws: DecodingError.self) { try self.codec.decode(String.self, from: utf16) }
    }

    @Test(arguments: ["1e400", "9223372036854775808", "-1", "\"1\"", "1.5"]) func numbersThatDoNotFitAreErrors(
        _ text: String
    ) {
        #expect(throws: DecodingError.self) { try self.codec.decode(UInt32.self, from: Array(text.utf8)) }
    }

    @Test func aNumberThatIsNoneIsNotWritten() {
        #expect(throws: EncodingError.self) { try self.codec.encode(Double.nan) }
    }

    @Test func choosesByContentType() throws {
        #expect(
            try Codecs.json.codec(for: BasicProperties(contentType: "application/json")).contentType
                == "application/json"
        )
        #expect(
            try Codecs.json.codec(for: BasicProperties(contentType: "Application/JSON; charset=utf-8")).contentType
                == "application/json"
        )
        #expect(try Codecs.json.codec(for: BasicProperties()).contentType == "application/json")
        #expect(throws: UnsupportedContent.self) {
            try Codecs.json.codec(for: BasicProperties(contentType: "application/x-python-serialize"))
        }
        #expect(throws: UnsupportedContent.self) {
            try Codecs.json.codec(for: BasicProperties(headers: ["compression": "application/x-gzip"]))
        }
    }
}
