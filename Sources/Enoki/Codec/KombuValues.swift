#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The Python values that kombu writes into JSON as objects of exactly two keys, `__type__` and `__value__`
/// (kombu 5.3 and later, `kombu.utils.json`).
enum KombuValues {
    /// The same JSON with each such object replaced by its plain value.
    ///
    /// `decimal` becomes a number, `uuid` its usual text, `datetime`, `date`, `time`, `bytes` and `base64` their string.
    /// Others stay as they are.
    static func plain(_ body: [UInt8]) throws -> [UInt8] {
        let decoder = JSONDecoder()
        Self.acceptPythonNumbers(decoder)
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity",
            negativeInfinity: "-Infinity",
            nan: "NaN"
        )
        return Array(try encoder.encode(Plain(decoder.decode(JSONValue.self, from: Data(body)))))
    }

    /// Lets `decoder` read the bare words that Python writes for numbers that JSON does not have.
    static func acceptPythonNumbers(_ decoder: JSONDecoder) {
        decoder.allowsJSON5 = true
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity",
            negativeInfinity: "-Infinity",
            nan: "NaN"
        )
    }

    /// Writes a date as kombu's `datetime`, in UTC.
    @Sendable static func encode(_ date: Date, to encoder: any Encoder) throws {
        let text = date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        try ["__type__": "datetime", "__value__": text].encode(to: encoder)
    }

    /// Reads a date from seconds since 1970, or from ISO 8601 text as Python's `isoformat` writes it.
    ///
    /// A text without a time zone, as most Python programs write, is taken as UTC.
    @Sendable static func decodeDate(from decoder: any Decoder) throws -> Date {
        let container = try decoder.singleValueContainer()
        if let seconds = try? container.decode(Double.self) { return Date(timeIntervalSince1970: seconds) }
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

    /// Encodes a JSON value with the typed objects replaced.
    private struct Plain: Encodable {
        let value: JSONValue

        init(_ value: JSONValue) { self.value = value }

        func encode(to encoder: any Encoder) throws {
            switch self.value {
            case .array(let values):
                try values.map(Plain.init).encode(to: encoder)
            case .object(let members):
                if let scalar = Self.scalar(members) {
                    // Asked itself, a `Decimal` would write its parts; asked by a container, it is a number.
                    var container = encoder.singleValueContainer()
                    try container.encode(scalar)
                } else {
                    try members.mapValues(Plain.init).encode(to: encoder)
                }
            case let value:
                try value.encode(to: encoder)
            }
        }

        private static func scalar(_ members: [String: JSONValue]) -> (any Encodable)? {
            guard members.count == 2, case .string(let type) = members["__type__"], let value = members["__value__"]
            else { return nil }
            switch (type, value) {
            case ("decimal", .string(let text)):
                return Decimal(string: text)
            case ("uuid", .object(let parts)):
                guard case .string(let hex) = parts["hex"] else { return nil }
                return Self.dashed(hex)
            case ("datetime", .string(let text)), ("date", .string(let text)), ("time", .string(let text)),
                ("bytes", .string(let text)), ("base64", .string(let text)):
                return text
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
    }
}
