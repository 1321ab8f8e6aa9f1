import EnokiBroker

/// Reads the payload of a frame (AMQP 0-9-1 §4.2).
struct WireReader {
    /// The payload is shorter than what it announces, or holds what is not known.
    struct Malformed: Error {}

    private var bytes: ArraySlice<UInt8>
    private var bits: UInt8 = 0
    private var bitsLeft = 0

    init(_ bytes: some Sequence<UInt8>) { self.bytes = ArraySlice(bytes) }

    var isAtEnd: Bool { self.bytes.isEmpty }

    mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        self.bitsLeft = 0
        guard count <= self.bytes.count else { throw Malformed() }
        defer { self.bytes = self.bytes.dropFirst(count) }
        return self.bytes.prefix(count)
    }

    mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self) throws -> Integer {
        try self.take(Integer.bitWidth / 8).reduce(0) { $0 << 8 | Integer(truncatingIfNeeded: $1) }
    }

    mutating func bit() throws -> Bool {
        if self.bitsLeft == 0 {
            self.bits = try self.integer()
            self.bitsLeft = 8
        }
        defer {
            self.bits >>= 1
            self.bitsLeft -= 1
        }
        return self.bits & 1 == 1
    }

    mutating func shortString() throws -> String {
        String(decoding: try self.take(Int(try self.integer(UInt8.self))), as: UTF8.self)
    }

    mutating func longString() throws -> ArraySlice<UInt8> { try self.take(Int(try self.integer(UInt32.self))) }

    mutating func table() throws -> Headers {
        var content = WireReader(try self.longString())
        var headers = Headers()
        while !content.isAtEnd { headers.append(try content.shortString(), try content.field()) }
        return headers
    }

    private mutating func field() throws -> FieldValue {
        switch Unicode.Scalar(try self.integer(UInt8.self)) {
        case "t": return .bool(try self.integer(UInt8.self) != 0)
        case "b": return .int8(try self.integer())
        case "B": return .uint8(try self.integer())
        case "s": return .int16(try self.integer())
        case "u": return .uint16(try self.integer())
        case "I": return .int32(try self.integer())
        case "i": return .uint32(try self.integer())
        case "l": return .int64(try self.integer())
        case "L": return .uint64(try self.integer())
        case "f": return .float(Float(bitPattern: try self.integer()))
        case "d": return .double(Double(bitPattern: try self.integer()))
        case "D": return .decimal(scale: try self.integer(), value: try self.integer())
        case "S": return .string(String(decoding: try self.longString(), as: UTF8.self))
        case "x": return .bytes(Array(try self.longString()))
        case "A":
            var content = WireReader(try self.longString())
            var values: [FieldValue] = []
            while !content.isAtEnd { values.append(try content.field()) }
            return .array(values)
        case "T": return .timestamp(try self.integer())
        case "F": return .table(try self.table())
        case "V": return .void
        default: throw Malformed()
        }
    }
}

extension WireReader {
    /// Reads the payload of a content header: how long the body is, and the properties.
    mutating func header() throws -> (size: Int, properties: BasicProperties) {
        _ = try self.integer(UInt32.self)
        let size = Int(truncatingIfNeeded: try self.integer(UInt64.self))
        let flags = try self.integer(UInt16.self)
        func has(_ bit: Int) -> Bool { flags >> bit & 1 == 1 }
        var properties = BasicProperties()
        if has(15) { properties.contentType = try self.shortString() }
        if has(14) { properties.contentEncoding = try self.shortString() }
        if has(13) { properties.headers = try self.table() }
        if has(12) { properties.deliveryMode = .init(rawValue: try self.integer()) }
        if has(11) { properties.priority = try self.integer() }
        if has(10) { properties.correlationID = try self.shortString() }
        if has(9) { properties.replyTo = try self.shortString() }
        if has(8) { properties.expiration = Int64(try self.shortString()).map { .milliseconds($0) } }
        if has(7) { properties.messageID = try self.shortString() }
        if has(6) { properties.timestamp = try self.integer() }
        if has(5) { properties.type = try self.shortString() }
        if has(4) { properties.userID = try self.shortString() }
        if has(3) { properties.appID = try self.shortString() }
        if has(2) { properties.clusterID = try self.shortString() }
        return (size, properties)
    }
}
