#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A JSON value whose numbers keep their digits, for what is read only to be written again.
///
/// ``JSONValue`` gives a number beyond 64 bits as a `Double`, which is what most programs want and loses what Python's
/// integers and decimals hold.
enum ExactValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case double(Double)
    case decimal(Decimal)
    case string(String)
    case array([ExactValue])
    case object([String: ExactValue])
}

extension ExactValue: Codable {
    init(from decoder: any Decoder) throws {
        // In the order of `JSONValue`, for its reasons.
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode(Double.self) {
            self = Self.number(value, in: container)
        } else if var elements = try? decoder.unkeyedContainer() {
            var values: [ExactValue] = []
            while !elements.isAtEnd { values.append(try elements.decode(ExactValue.self)) }
            self = .array(values)
        } else if let members = try? decoder.container(keyedBy: AnyCodingKey.self) {
            var values: [String: ExactValue] = [:]
            for key in members.allKeys { values[key.stringValue] = try members.decode(ExactValue.self, forKey: key) }
            self = .object(values)
        } else {
            self = .bool(try container.decodeLastly(Bool.self))
        }
    }

    private static func number(_ double: Double, in container: any SingleValueDecodingContainer) -> ExactValue {
        if let value = try? container.decode(Int64.self) { return .integer(value) }
        // Negative ones and fractions are none, and to be told so costs more than to look.
        if double >= 0x1p53, let value = try? container.decode(UInt64.self) { return .unsigned(value) }
        return Self.number(double, exactly: try? container.decode(Decimal.self))
    }

    /// The double where it says all that the digits say, otherwise the decimal.
    private static func number(_ double: Double, exactly decimal: Decimal?) -> ExactValue {
        guard double.isFinite, let decimal, Decimal(string: "\(double)") != decimal else { return .double(double) }
        return .decimal(decimal)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .unsigned(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        // Asked itself, a `Decimal` would write its parts; asked by a container, it is a number.
        case .decimal(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let values): try container.encode(values)
        case .object(let values): try container.encode(values)
        }
    }
}
