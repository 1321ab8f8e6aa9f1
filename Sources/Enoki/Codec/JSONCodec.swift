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
///
/// Read is UTF-8 alone, without a byte order mark, and no object that has a name twice.
public struct JSONCodec: Codec {
    /// The deepest nesting of arrays and objects that is read.
    private let maximumDepth: Int

    /// A codec. It reads as deep as the ``MessageLimits`` of its process say.
    public init() { self.init(limits: MessageLimits()) }

    private init(limits: MessageLimits) { self.maximumDepth = limits.bodyDepth }

    private static let noJSON = "The given data was not valid JSON"

    /// The same, that reads as deep as `limits` say.
    public func limited(by limits: MessageLimits) -> JSONCodec { JSONCodec(limits: limits) }

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
        let text: JSONText
        do throws(JSONSyntaxError) {
            text = try JSONText(body, maximumDepth: self.maximumDepth)
        } catch {
            throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "\(error)"))
        }
        let plain = try text.plain
        if type == JSONValue.self, let value = try JSONValue(plain) as? Value { return value }
        let decoder = JSONDecoder()
        decoder.userInfo = userInfo
        decoder.dateDecodingStrategy = .custom(KombuValues.decodeDate)
        decoder.dataDecodingStrategy = .custom(KombuValues.decodeData)
        if text.holdsPythonNumbers { KombuValues.acceptPythonNumbers(decoder) }
        do {
            return try decoder.decode(type, from: Data(plain.bytes))
        } catch DecodingError.dataCorrupted(let context) where context.debugDescription.hasPrefix(Self.noJSON) {
            // It is JSON; with these words Foundation also says that a value does not fit.
            let problem = "a number or a text does not fit its type"
            throw DecodingError.dataCorrupted(.init(codingPath: context.codingPath, debugDescription: problem))
        }
    }
}
