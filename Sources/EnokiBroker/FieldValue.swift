/// A value in a header table or in the arguments of an exchange, a queue, a binding or a consumer.
///
/// The cases are the field kinds that RabbitMQ and its clients exchange; each names the letter that stands for it on
/// the wire (RabbitMQ's amendments to AMQP 0-9-1 §4.2.1, <https://www.rabbitmq.com/amqp-0-9-1-errata#section_3>).
///
/// Two values are equal if their kinds are, too: an ``int64(_:)`` of 4 is not the literal `4`, which is an ``int32(_:)``. Who wants
/// the number compares ``integerValue``.
public enum FieldValue: Sendable, Hashable {
    /// `t`, a boolean.
    case bool(Bool)
    /// `b`, a signed octet.
    case int8(Int8)
    /// `B`, an unsigned octet.
    case uint8(UInt8)
    /// `s`, a signed 16-bit integer.
    case int16(Int16)
    /// `u`, an unsigned 16-bit integer.
    case uint16(UInt16)
    /// `I`, a signed 32-bit integer.
    case int32(Int32)
    /// `i`, an unsigned 32-bit integer.
    case uint32(UInt32)
    /// `l`, a signed 64-bit integer.
    case int64(Int64)
    /// `L`, a 64-bit integer that librabbitmq reads as unsigned and py-amqp, and so nameko, as signed.
    case uint64(UInt64)
    /// `f`, a 32-bit float.
    case float(Float)
    /// `d`, a 64-bit float.
    case double(Double)
    /// `D`, a decimal: `value` divided by ten to the power of `scale`.
    case decimal(scale: UInt8, value: UInt32)
    /// `S`, a UTF-8 string. One that is not valid UTF-8 is read as ``bytes(_:)``.
    case string(String)
    /// `x`, a byte array.
    case bytes([UInt8])
    /// `A`, an array.
    case array([FieldValue])
    /// `T`, seconds since 1970-01-01 00:00:00 UTC.
    case timestamp(UInt64)
    /// `F`, a table.
    case table(Headers)
    /// `V`, no value.
    case void

    /// The string of a ``string(_:)``, otherwise `nil`.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The boolean of a ``bool(_:)``, otherwise `nil`.
    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The integer of any integer kind, otherwise `nil`.
    ///
    /// A ``uint64(_:)`` is read as two's complement, because py-amqp writes signed integers under its letter.
    public var integerValue: Int64? {
        switch self {
        case .int8(let value): Int64(value)
        case .uint8(let value): Int64(value)
        case .int16(let value): Int64(value)
        case .uint16(let value): Int64(value)
        case .int32(let value): Int64(value)
        case .uint32(let value): Int64(value)
        case .int64(let value): value
        case .uint64(let value): Int64(bitPattern: value)
        default: nil
        }
    }

    /// The elements of an ``array(_:)``, otherwise `nil`.
    public var arrayValue: [FieldValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The table of a ``table(_:)``, otherwise `nil`.
    public var tableValue: Headers? {
        if case .table(let value) = self { value } else { nil }
    }
}

extension FieldValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// Makes a ``string(_:)``.
    public init(stringLiteral value: String) { self = .string(value) }

    /// Makes an ``int32(_:)`` where the value fits, as nameko's clients do, otherwise an ``int64(_:)``.
    public init(integerLiteral value: Int64) { self = .integer(value) }

    /// Makes a ``double(_:)``.
    public init(floatLiteral value: Double) { self = .double(value) }

    /// Makes a ``bool(_:)``.
    public init(booleanLiteral value: Bool) { self = .bool(value) }

    /// Makes an ``array(_:)``.
    public init(arrayLiteral elements: FieldValue...) { self = .array(elements) }

    /// Makes a ``table(_:)``.
    public init(dictionaryLiteral elements: (String, FieldValue)...) { self = .table(Headers(elements)) }

    /// An ``int32(_:)`` where `value` fits, otherwise an ``int64(_:)``.
    public static func integer(_ value: some BinaryInteger) -> FieldValue {
        if let small = Int32(exactly: value) { .int32(small) } else { .int64(Int64(clamping: value)) }
    }
}

extension FieldValue: CustomStringConvertible {
    /// The value as a person would write it; strings are quoted, byte arrays give only their length.
    public var description: String {
        switch self {
        case .bool(let value): "\(value)"
        case .int8(let value): "\(value)"
        case .uint8(let value): "\(value)"
        case .int16(let value): "\(value)"
        case .uint16(let value): "\(value)"
        case .int32(let value): "\(value)"
        case .uint32(let value): "\(value)"
        case .int64(let value): "\(value)"
        case .uint64(let value): "\(value)"
        case .float(let value): "\(value)"
        case .double(let value): "\(value)"
        case .decimal(let scale, let value): "\(value)e-\(scale)"
        case .string(let value): "\"\(value)\""
        case .bytes(let value): "<\(value.count) bytes>"
        case .array(let value): "\(value)"
        case .timestamp(let value): "@\(value)"
        case .table(let value): "\(value)"
        case .void: "void"
        }
    }
}
