#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// JSON through Foundation, with the conventions of kombu, nameko's messaging library.
///
/// Python values outside JSON arrive as two-key objects such as `{"__type__": "decimal", "__value__": "9.99"}` and are read
/// as the plain value: `decimal` as `Decimal`, `datetime` and `date` as `Date` (UTC where they name no time zone), `uuid` as
/// `UUID`, `bytes` and `base64` as `Data`, the bare words `NaN` and `Infinity` as `Double`. A `Date` is written as such a
/// `datetime`, `Data` as such a `base64`, a `Decimal` as a number. `NaN` is never written, since it is not JSON.
public struct JSONCodec: Codec {
    /// The deepest nesting of arrays and objects that is read.
    public static let maximumDepth = 64

    /// A codec.
    public init() {}

    /// `application/json`.
    public var contentType: String { "application/json" }

    /// `utf-8`.
    public var contentEncoding: String { "utf-8" }

    /// The JSON of `value`.
    public func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        encoder.dateEncodingStrategy = .custom(KombuValues.encode)
        encoder.dataEncodingStrategy = .custom(KombuValues.encode)
        return Array(try encoder.encode(value))
    }

    /// The value in the JSON `body`.
    public func decode<Value: Decodable>(
        _ type: Value.Type,
        from body: [UInt8],
        userInfo: [CodingUserInfoKey: any Sendable]
    ) throws -> Value {
        let scan = JSONScan(body)
        guard scan.depth <= Self.maximumDepth else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: [],
                    debugDescription: "the JSON is nested \(scan.depth) levels deep, \(Self.maximumDepth) are allowed"
                )
            )
        }
        guard !scan.holdsOtherDialects else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: [],
                    debugDescription: "the body is not JSON: it holds a comment, or a string in single quotes"
                )
            )
        }
        // Foundation would also read UTF-16 and UTF-32, in which every JSON text has zero bytes; nobody else does.
        guard !body.contains(0), String(validating: body, as: UTF8.self) != nil else {
            throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "the body is not JSON in UTF-8"))
        }
        let decoder = JSONDecoder()
        decoder.userInfo = userInfo
        decoder.dateDecodingStrategy = .custom(KombuValues.decodeDate)
        decoder.dataDecodingStrategy = .custom(KombuValues.decodeData)
        if scan.holdsPythonNumbers { KombuValues.acceptPythonNumbers(decoder) }
        return try decoder.decode(type, from: Data(scan.holdsTypedValues ? KombuValues.plain(body) : body))
    }
}

/// What one pass over the bytes of a JSON text tells, before anything recursive touches it.
struct JSONScan {
    /// The deepest nesting.
    private(set) var depth = 0
    /// Whether a string `"__type__"` occurs.
    private(set) var holdsTypedValues = false
    /// Whether a bare `NaN` or `Infinity` may occur: JSON itself has no capital letters outside of strings but an exponent.
    private(set) var holdsPythonNumbers = false
    /// Whether a comment or a string in single quotes may begin: with Python's numbers Foundation also reads those, and
    /// they could hide from this scan what is a string and what is not.
    private(set) var holdsOtherDialects = false

    private static let typeKey = Array("\"__type__\"".utf8)

    init(_ body: [UInt8]) {
        var level = 0
        var inString = false
        var escaped = false
        for (index, byte) in body.enumerated() {
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                inString = true
                if !self.holdsTypedValues, body[index...].starts(with: Self.typeKey) { self.holdsTypedValues = true }
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                level += 1
                self.depth = max(self.depth, level)
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                level -= 1
            case UInt8(ascii: "N"), UInt8(ascii: "I"):
                self.holdsPythonNumbers = true
            case UInt8(ascii: "'"), UInt8(ascii: "/"):
                self.holdsOtherDialects = true
            default:
                break
            }
        }
    }
}
