#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The Python values that kombu writes into JSON as objects of exactly two keys, `__type__` and `__value__`
/// (kombu 5.3 and later, `kombu.utils.json`).
enum KombuValues {
    /// The same JSON with each such object replaced by its plain value: `decimal` by a number, `uuid` by its usual text,
    /// `datetime`, `date`, `time`, `bytes` and `base64` by their string. Others stay as they are.
    static func plain(_ body: [UInt8]) throws -> [UInt8] {
        let value = try JSONDecoder().decode(JSONValue.self, from: Data(body))
        return Array(try JSONEncoder().encode(Plain(value)))
    }

    /// Writes a date as kombu's `datetime`, in UTC.
    @Sendable static func encode(_ date: Date, to encoder: any Encoder) throws {
        let text = date.formatted(.iso8601.dateTimeSeparator(.standard).time(includingFractionalSeconds: true))
        try ["__type__": "datetime", "__value__": text].encode(to: encoder)
    }

    /// Reads a date from seconds since 1970, or from ISO 8601 text as Python's `isoformat` writes it. A text without a time
    /// zone, as most Python programs write, is taken as UTC.
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
        if text.utf8.count == 10 {
            return try? Date(text + "T00:00:00Z", strategy: .iso8601)
        }
        let time = text.utf8.drop { $0 != UInt8(ascii: "T") && $0 != UInt8(ascii: " ") }
        let hasZone = time.contains { [UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-")].contains($0) }
        let zoned = hasZone ? text : text + "Z"
        return (try? Date(zoned, strategy: .iso8601))
            ?? (try? Date(zoned, strategy: .iso8601.time(includingFractionalSeconds: true)))
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
                    try scalar.encode(to: encoder)
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
