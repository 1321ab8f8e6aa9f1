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

    @Test(arguments: [
        (0, "1970-01-01T00:00:00+00:00"), (1_577_934_245.25, "2020-01-02T03:04:05.250000+00:00"),
        (-0.000001, "1969-12-31T23:59:59.999999+00:00"), (0.999_999_9, "1970-01-01T00:00:01+00:00"),
    ])
    func writesDatesAsPythonBefore3_11ReadsThem(_ seconds: Double, _ text: String) throws {
        let body = try self.codec.encode(Date(timeIntervalSince1970: seconds))
        #expect(try self.codec.decode(String.self, from: body) == text)
    }

    @Test(arguments: [.nan, .infinity, -1e12, 1e12]) func datesThatPythonDoesNotHaveAreNotWritten(_ seconds: Double) {
        #expect(throws: EncodingError.self) { try self.codec.encode(Date(timeIntervalSince1970: seconds)) }
    }

    @Test(arguments: ["NaN", "Infinity", "1e300", "-1e12", "253402300799"]) func nothingBeyondACalendarIsReadAsADate(
        _ text: String
    ) {
        #expect(throws: DecodingError.self) { try self.codec.decode(Date.self, from: Array(text.utf8)) }
    }

    @Test func bytesTravelAsKombusBase64() throws {
        let body = try self.codec.encode(Data([0, 255]))
        #expect(
            try JSONDecoder().decode([String: String].self, from: Data(body)) == [
                "__type__": "base64", "__value__": "AP8=",
            ]
        )
        #expect(try self.codec.decode(Data.self, from: body) == Data([0, 255]))
    }

    @Test(arguments: [
        #""YWJjZA==""#, #"{"__type__": "base64", "__value__": "YWJjZA=="}"#,
        #"{"__type__": "bytes", "__value__": "abcd"}"#,
    ])
    func readsBytesInTheFormsOfPython(_ text: String) throws {
        #expect(try self.codec.decode(Data.self, from: Array(text.utf8)) == Data("abcd".utf8))
    }

    @Test(arguments: [#""a""#, "1", #"{"__type__": "bytes"}"#, #"{"__type__": "text", "__value__": "abcd"}"#])
    func whatIsNoBytesIsAnError(_ text: String) {
        #expect(throws: DecodingError.self) { try self.codec.decode(Data.self, from: Array(text.utf8)) }
    }

    @Test(arguments: ["18446744073709551615", "1000000000000000000000000000001", "0.12345678901234567890123", "-7"])
    func numbersKeepTheirDigitsBesidePythonValues(_ number: String) throws {
        let text = #"[\#(number), {"__type__": "decimal", "__value__": "\#(number)"}]"#
        let decimal = try #require(Decimal(string: number))
        #expect(try self.codec.decode([Decimal].self, from: Array(text.utf8)) == [decimal, decimal])
    }

    @Test func theStringNaNIsNoNumberBesideTheBareWord() throws {
        let text = #"["NaN", NaN, {"__type__": "decimal", "__value__": "1"}]"#
        let value = try self.codec.decode([JSONValue].self, from: Array(text.utf8))
        #expect(value.first == "NaN")
        #expect(value.last == 1)
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
        _ = try self.codec.decode(JSONValue.self, from: nested(MessageLimits().bodyDepth))
        #expect(throws: DecodingError.self) {
            try self.codec.decode(JSONValue.self, from: nested(MessageLimits().bodyDepth + 1))
        }
        #expect(throws: DecodingError.self) { try self.codec.decode(JSONValue.self, from: nested(1_000_000)) }
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
    }

    @Test(arguments: [
        BasicProperties(contentType: "application/x-python-serialize"),
        BasicProperties(headers: ["compression": "application/x-gzip"]),
        BasicProperties(contentType: ""), BasicProperties(contentType: ";"),
        BasicProperties(contentType: "application/json", contentEncoding: "gzip"),
        BasicProperties(contentType: "application/json; charset=utf-16"),
        BasicProperties(contentType: "application/JSON;CHARSET=\"latin1\""),
        BasicProperties(contentEncoding: "martian"),
    ])
    func whatNoCodecReadsIsUnsupported(_ properties: BasicProperties) {
        let error = #expect(throws: UnreadableMessage.self) { try Codecs.json.codec(for: properties) }
        #expect(error?.reason == .unsupportedContent)
    }

    @Test(arguments: [nil, "", "utf-8", "UTF-8", "us-ascii", "binary"]) func whatIsUTF8ByAnyNameIsRead(
        _ encoding: String?
    ) {
        #expect(throws: Never.self) { try Codecs.json.codec(for: BasicProperties(contentEncoding: encoding)) }
    }
}
