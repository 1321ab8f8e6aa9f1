#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The Python values that kombu writes into JSON as objects of exactly two keys, `__type__` and `__value__`
/// (kombu 5.3 and later, `kombu.utils.json`).
enum KombuValues {
    private static let typeKey = "__type__"
    private static let valueKey = "__value__"

    /// The same JSON with such objects replaced by their plain value.
    ///
    /// `decimal` becomes a number, `uuid` its usual text, `datetime`, `date` and `time` their string. Others stay as they
    /// are: what bytes become depends on who reads them.
    static func plain(_ body: [UInt8]) throws -> [UInt8] {
        let decoder = JSONDecoder()
        Self.acceptPythonNumbers(decoder)
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity",
            negativeInfinity: "-Infinity",
            nan: "NaN"
        )
        return Array(try encoder.encode(Self.plain(try decoder.decode(ExactValue.self, from: Data(body)))))
    }

    private static func plain(_ value: ExactValue) -> ExactValue {
        switch value {
        case .array(let values): .array(values.map(Self.plain))
        case .object(let members): Self.scalar(members) ?? .object(members.mapValues(Self.plain))
        default: value
        }
    }

    private static func scalar(_ members: [String: ExactValue]) -> ExactValue? {
        guard members.count == 2, case .string(let type) = members[Self.typeKey], let value = members[Self.valueKey]
        else { return nil }
        switch (type, value) {
        case ("decimal", .string(let text)):
            return Decimal(string: text).map(ExactValue.decimal)
        case ("uuid", .object(let parts)):
            guard case .string(let hex) = parts["hex"] else { return nil }
            return Self.dashed(hex).map(ExactValue.string)
        case ("datetime", .string), ("date", .string), ("time", .string):
            return value
        default:
            return nil
        }
    }

    private static func dashed(_ hex: String) -> String? {
        guard hex.utf8.count == 32 else { return nil }
        var text = ""
        for (index, character) in hex.enumerated() {
            if [8, 12, 16, 20].contains(index) { text.append("-") }
            text.append(character)
        }
        return text
    }

    // MARK: - Numbers

    /// Lets `decoder` read the bare words that Python writes for numbers that JSON does not have.
    static func acceptPythonNumbers(_ decoder: JSONDecoder) {
        decoder.allowsJSON5 = true
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity",
            negativeInfinity: "-Infinity",
            nan: "NaN"
        )
    }

    // MARK: - Bytes

    /// Writes bytes as kombu's `base64`, which Python reads as `bytes`.
    @Sendable static func encode(_ data: Data, to encoder: any Encoder) throws {
        try [Self.typeKey: "base64", Self.valueKey: data.base64EncodedString()].encode(to: encoder)
    }

    /// Reads bytes from kombu's `bytes` and `base64`, or from plain text in base64.
    @Sendable static func decodeData(from decoder: any Decoder) throws -> Data {
        let data: Data?
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            data = Data(base64Encoded: text)
        } else {
            let members = try decoder.container(keyedBy: AnyCodingKey.self)
            let text = try members.decode(String.self, forKey: AnyCodingKey(Self.valueKey))
            switch try members.decode(String.self, forKey: AnyCodingKey(Self.typeKey)) {
            case "bytes": data = Data(text.utf8)
            case "base64": data = Data(base64Encoded: text)
            default: data = nil
            }
        }
        guard let data else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "expected bytes, or text in base64")
            )
        }
        return data
    }

    // MARK: - Dates

    /// The years 1 to 9999, in seconds since 1970.
    private static let yearsOfPython = -62_135_596_800.0..<253_402_300_799.0

    /// Writes a date as kombu's `datetime`, in UTC to the microsecond.
    ///
    /// - Throws: `EncodingError` for a date before the year 1 or after 9999, which Python does not have.
    @Sendable static func encode(_ date: Date, to encoder: any Encoder) throws {
        guard let text = Self.text(date) else {
            // Not the date itself: Foundation traps where one that is not a number is described.
            throw EncodingError.invalidValue(
                date.timeIntervalSince1970,
                .init(codingPath: encoder.codingPath, debugDescription: "a date must be in the years 1 to 9999")
            )
        }
        try [Self.typeKey: "datetime", Self.valueKey: text].encode(to: encoder)
    }

    /// The text as Python's `isoformat` writes it: `2020-01-02T03:04:05.250000+00:00`. Before 3.11 Python does not read `Z`.
    private static func text(_ date: Date) -> String? {
        let time = date.timeIntervalSince1970
        guard Self.yearsOfPython.contains(time) else { return nil }
        var seconds = time.rounded(.down)
        var microseconds = Int(((time - seconds) * 1_000_000).rounded())
        if microseconds == 1_000_000 {
            seconds += 1
            microseconds = 0
        }
        let whole = Date(timeIntervalSince1970: seconds).formatted(.iso8601).dropLast()
        let digits = String(1_000_000 + microseconds).dropFirst()
        return "\(whole)\(microseconds == 0 ? "" : ".\(digits)")+00:00"
    }

    /// Reads a date from seconds since 1970, or from ISO 8601 text as Python's `isoformat` writes it.
    ///
    /// A text without a time zone, as most Python programs write, is taken as UTC.
    @Sendable static func decodeDate(from decoder: any Decoder) throws -> Date {
        let container = try decoder.singleValueContainer()
        if let seconds = try? container.decode(Double.self) {
            // Foundation traps where a date beyond all calendars is described.
            guard Self.yearsOfPython.contains(seconds) else {
                throw DecodingError.dataCorruptedError(
                    in: container,
                    debugDescription: "a date must be in the years 1 to 9999"
                )
            }
            return Date(timeIntervalSince1970: seconds)
        }
        let text = try container.decode(String.self)
        guard let date = Self.date(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "Expected a date in ISO 8601, such as 2020-01-02T03:04:05Z"
            )
        }
        return date
    }

    private static func date(_ text: String) -> Date? {
        guard text.utf8.count <= 64 else { return nil }
        // Python's str() has a space where isoformat() has a T.
        let parts = text.split(maxSplits: 1) { $0 == "T" || $0 == " " }
        guard let day = parts.first else { return nil }
        let time = parts.count > 1 ? parts[1] : "00:00:00"
        let zone = time.contains { $0 == "Z" || $0 == "+" || $0 == "-" } ? "" : "Z"
        let full = "\(day)T\(time)\(zone)"
        return (try? Date(full, strategy: .iso8601))
            ?? (try? Date(full, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    }
}
