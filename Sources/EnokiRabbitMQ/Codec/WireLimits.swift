import EnokiBroker

/// What the protocol can carry. Checked before a byte is written, because a broker answers a breach by closing the
/// connection, and librabbitmq notices some of them only when half a message is out.
enum WireLimits {
    /// How deep header tables and arrays may nest, both ways.
    static let depth = 32
    /// The largest frame, header and end byte included; both sides use the smaller of their wishes.
    static let frameMax = 131_072
    /// The longest short string, in bytes of UTF-8.
    static let shortString = 255
    /// RabbitMQ refuses a longer message expiration (`value_too_large`): ten years.
    static let longestExpiration = Duration.milliseconds(315_360_000_000)

    /// Throws when `name` is too long or holds a NUL byte.
    static func check(_ what: StaticString, _ name: String) throws(BrokerError) {
        guard name.utf8.count <= Self.shortString else {
            throw BrokerError(
                .invalidArgument,
                "the \(what) is \(name.utf8.count) bytes long, AMQP allows \(Self.shortString): "
                    + "'\(name.prefix(40))…'"
            )
        }
        guard !name.utf8.contains(0) else {
            throw BrokerError(.invalidArgument, "the \(what) contains a NUL byte: '\(name.prefix(40))'")
        }
    }

    /// Throws when `headers` cannot be encoded, or not in `limit` bytes. Returns their encoded size.
    @discardableResult
    static func check(
        _ what: StaticString,
        _ headers: Headers,
        limit: Int = Self.frameMax - 1024
    ) throws(BrokerError) -> Int {
        if headers.isEmpty { return 4 }
        let size = try Self.encodedSize(headers, depth: 0, what)
        guard size <= limit else {
            throw BrokerError(
                .invalidArgument,
                "the \(what) take \(size) bytes, and at most \(limit) fit into a frame"
            )
        }
        return size
    }

    private static func encodedSize(_ headers: Headers, depth: Int, _ what: StaticString) throws(BrokerError) -> Int {
        try Self.checkDepth(depth, what)
        var size = 4
        for element in headers {
            try Self.check("name of a header", element.name)
            size += 1 + element.name.utf8.count + (try Self.encodedSize(element.value, depth: depth, what))
        }
        return size
    }

    private static func encodedSize(_ value: FieldValue, depth: Int, _ what: StaticString) throws(BrokerError) -> Int {
        switch value {
        case .void: return 1
        case .bool, .int8, .uint8: return 2
        case .int16, .uint16: return 3
        case .int32, .uint32, .float: return 5
        case .decimal: return 6
        case .int64, .uint64, .double, .timestamp: return 9
        case .string(let value): return 5 + value.utf8.count
        case .bytes(let value): return 5 + value.count
        case .table(let value): return 1 + (try Self.encodedSize(value, depth: depth + 1, what))
        case .array(let values):
            try Self.checkDepth(depth + 1, what)
            var size = 5
            for value in values { size += try Self.encodedSize(value, depth: depth + 1, what) }
            return size
        }
    }

    private static func checkDepth(_ depth: Int, _ what: StaticString) throws(BrokerError) {
        guard depth < Self.depth else {
            throw BrokerError(.invalidArgument, "the \(what) nest deeper than \(Self.depth) levels")
        }
    }
}
