import Foundation
import Logging
import Testing

@testable import EnokiRunner

@Suite struct LogLineTests {
    private func line(_ message: String, _ metadata: Logger.Metadata = [:], origin: String = "orders") -> String {
        LogLine(
            timestamp: Timestamp(seconds: 0, nanoseconds: 0),
            level: .info,
            origin: origin,
            message: message,
            metadata: metadata
        ).description
    }

    @Test func isTimeLevelOriginMessageAndSortedMetadata() {
        #expect(
            line("placed", ["order": "7", "customer": "ada"])
                == "1970-01-01T00:00:00.000Z info    [orders] placed customer=ada order=7"
        )
    }

    @Test(arguments: [
        ("a\nb", #"a\nb"#), ("a\r\nb", #"a\r\nb"#), ("tab\there", #"tab\there"#), ("\u{1B}[31mred", #"\u{1B}[31mred"#),
        ("nul\0", #"nul\u{0}"#), ("\u{2028}", #"\u{2028}"#), ("\u{202E}txt", #"\u{202E}txt"#), ("\u{85}", #"\u{85}"#),
        ("\u{200B}", #"\u{200B}"#), ("naïve → 日本", "naïve → 日本"), (#"say "hi" \ bye"#, #"say "hi" \ bye"#),
    ])
    func messagesStayOnOneLine(_ message: String, _ expected: String) {
        #expect(line(message) == "1970-01-01T00:00:00.000Z info    [orders] \(expected)")
    }

    @Test(arguments: [
        ("plain", "plain"), ("", #""""#), ("two words", #""two words""#), ("a=b", #""a=b""#), (#"a"b"#, #""a\"b""#),
        (#"a\nb"#, #""a\\nb""#), ("a\nb", #""a\nb""#), ("größe", "größe"),
    ])
    func valuesAreQuotedWhereTheirEndWouldBeInDoubt(_ value: String, _ expected: String) {
        #expect(line("m", ["k": "\(value)"]) == "1970-01-01T00:00:00.000Z info    [orders] m k=\(expected)")
    }

    @Test func keysAndOriginsAreEscapedToo() {
        #expect(line("m", ["k\n": "v"], origin: "o\n") == #"1970-01-01T00:00:00.000Z info    [o\n] m k\n=v"#)
    }

    @Test func listsAndDictionariesAreValues() {
        #expect(line("m", ["k": ["a", "b"]]).hasSuffix(#"k="[a, b]""#) || line("m", ["k": ["a", "b"]]).contains("k="))
        #expect(!line("m", ["k": ["a\n", ["x": "\n"]]]).contains("\n"))
    }

    @Test func whatIsTooLongIsCut() {
        let long = String(repeating: "x", count: LogLine.maximumLength + 1)
        #expect(line(long).hasSuffix("xx…"))
        #expect(line(long).count < LogLine.maximumLength + 100)
        #expect(line("m", ["k": "\(long)"]).count < LogLine.maximumLength + 100)
    }

    @Test func timestampsAreThoseOfTheGregorianCalendar() throws {
        let formatter = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for day in stride(from: 0, to: 366 * 200, by: 17) {
            let seconds = day * 86_400 + (day * 7919) % 86_400
            let expected = Date(timeIntervalSince1970: Double(seconds)).formatted(formatter)
            #expect(Timestamp(seconds: seconds, nanoseconds: 0).description == expected)
        }
        #expect(Timestamp(seconds: 1_709_164_800, nanoseconds: 999_999_999).description == "2024-02-29T00:00:00.999Z")
    }
}
