/// What AMQP 0-9-1 can carry and RabbitMQ takes.
///
/// Every broker checks it before it does anything: a broker on a wire answers a breach by closing the connection, and one
/// without a wire would let a test pass with what fails in production.
package enum WireLimits {
    /// How deep header tables and arrays may nest, both ways.
    package static let depth = 32
    /// The largest frame, header and end byte included; both sides use the smaller of their wishes.
    package static let frameMax = 131_072
    /// The longest short string, such as a name, in bytes of UTF-8 (AMQP 0-9-1 §4.2.5.3).
    package static let shortString = 255
    /// The longest time for a message or a queue: RabbitMQ says `value_too_large` to more than ten years.
    package static let longestTime = Duration.milliseconds(315_360_000_000)
    /// The longest body, in bytes, unless a transport is told otherwise.
    package static let bodySize = 16 * 1024 * 1024
    /// The longest body that RabbitMQ takes (`max_message_size`).
    package static let largestBodySize = 128 * 1024 * 1024

    /// Throws when `exchange` cannot be declared.
    package static func check(_ exchange: Exchange) throws(BrokerError) {
        try self.check(exchange: exchange.name)
        try self.check(name: exchange.kind.rawValue, as: "type of the exchange")
        try self.check(exchange.arguments, as: "arguments of the exchange")
    }

    /// Throws when no exchange can have the name.
    package static func check(exchange name: String) throws(BrokerError) {
        try self.check(name: name, as: "name of the exchange")
    }

    /// Throws when `queue` cannot be declared.
    package static func check(_ queue: Queue) throws(BrokerError) {
        try self.check(queue: queue.name)
        try self.check(queue.arguments, as: "arguments of the queue")
    }

    /// Throws when no queue can have the name. RabbitMQ would invent one for an empty name, or take the last that was
    /// declared on the channel.
    package static func check(queue name: String) throws(BrokerError) {
        guard !name.isEmpty else {
            throw BrokerError(.invalidArgument, "the name of the queue is empty: give it one")
        }
        try self.check(name: name, as: "name of the queue")
    }

    /// Throws when `binding` cannot be made.
    package static func check(_ binding: Binding) throws(BrokerError) {
        try self.check(exchange: binding.source)
        try self.check(shortString: binding.routingKey, as: "binding key")
        try self.check(binding.arguments, as: "arguments of the binding")
        switch binding.destination {
        case .queue(let name): try self.check(queue: name)
        case .exchange(let name): try self.check(exchange: name)
        }
    }

    /// Throws when `message` cannot be published to `exchange` with `routingKey`.
    ///
    /// - Returns: How many bytes its headers take on a wire.
    @discardableResult
    package static func check(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        bodySize: Int = Self.bodySize
    ) throws(BrokerError) -> Int {
        try self.check(exchange: exchange)
        try self.check(shortString: routingKey, as: "routing key")
        guard message.body.count <= bodySize else {
            throw BrokerError(
                .invalidArgument,
                "the body is \(message.body.count) bytes long, at most \(bodySize) are allowed: send less"
            )
        }
        return try self.check(message.properties)
    }

    /// - Returns: How many bytes the headers take.
    private static func check(_ properties: BasicProperties) throws(BrokerError) -> Int {
        if let value = properties.contentType { try self.check(shortString: value, as: "content type") }
        if let value = properties.contentEncoding { try self.check(shortString: value, as: "content encoding") }
        if let value = properties.correlationID { try self.check(shortString: value, as: "correlation id") }
        if let value = properties.replyTo { try self.check(shortString: value, as: "reply-to") }
        if let value = properties.messageID { try self.check(shortString: value, as: "message id") }
        if let value = properties.type { try self.check(shortString: value, as: "type") }
        if let value = properties.userID { try self.check(shortString: value, as: "user id") }
        if let value = properties.appID { try self.check(shortString: value, as: "app id") }
        if let value = properties.clusterID { try self.check(shortString: value, as: "cluster id") }
        if let value = properties.expirationText { try self.check(shortString: value, as: "expiration") }
        if let value = properties.expiration, value < .zero || value > self.longestTime {
            throw BrokerError(
                .invalidArgument,
                "the expiration is \(value), allowed is from 0 to \(self.longestTime)"
            )
        }
        // The header frame also holds the other properties: nine short strings and a few integers.
        return try self.check(properties.headers, as: "headers", limit: self.frameMax - 12 * 256)
    }

    // MARK: - Strings

    /// Throws when `text` is too long or holds a NUL byte.
    package static func check(shortString text: String, as part: StaticString) throws(BrokerError) {
        guard text.utf8.count <= self.shortString else {
            throw BrokerError(
                .invalidArgument,
                "the \(part) is \(text.utf8.count) bytes long, AMQP allows \(self.shortString): "
                    + "'\(text.prefix(40))…'"
            )
        }
        guard !text.utf8.contains(0) else {
            throw BrokerError(.invalidArgument, "the \(part) contains a NUL byte: '\(text.prefix(40))'")
        }
    }

    /// The same for what is declared: RabbitMQ drops line breaks from such a name, and the answer names another queue.
    private static func check(name: String, as part: StaticString) throws(BrokerError) {
        try self.check(shortString: name, as: part)
        guard !name.utf8.contains(where: { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }) else {
            throw BrokerError(.invalidArgument, "the \(part) contains a line break: leave it out")
        }
    }

    // MARK: - Tables

    /// Throws when `headers` cannot be encoded, or not in `limit` bytes.
    ///
    /// - Returns: How many bytes they take; none where there are none.
    @discardableResult
    package static func check(
        _ headers: Headers,
        as part: StaticString,
        limit: Int = Self.frameMax - 1024
    ) throws(BrokerError) -> Int {
        if headers.isEmpty { return 0 }
        let size = try self.encodedSize(headers, depth: 0, part)
        guard size <= limit else {
            throw BrokerError(
                .invalidArgument,
                "the \(part) take \(size) bytes, and at most \(limit) fit into a frame"
            )
        }
        return size
    }

    private static func encodedSize(_ headers: Headers, depth: Int, _ part: StaticString) throws(BrokerError) -> Int {
        try self.check(depth: depth, part)
        var size = 4
        for element in headers {
            try self.check(shortString: element.name, as: "name of a header")
            size += 1 + element.name.utf8.count + (try self.encodedSize(element.value, depth: depth, part))
        }
        return size
    }

    private static func encodedSize(_ value: FieldValue, depth: Int, _ part: StaticString) throws(BrokerError) -> Int {
        switch value {
        case .void: return 1
        case .bool, .int8, .uint8: return 2
        case .int16, .uint16: return 3
        case .int32, .uint32, .float: return 5
        case .decimal: return 6
        case .int64, .uint64, .double, .timestamp: return 9
        case .string(let value): return 5 + value.utf8.count
        case .bytes(let value): return 5 + value.count
        case .table(let value): return 1 + (try self.encodedSize(value, depth: depth + 1, part))
        case .array(let values):
            try self.check(depth: depth + 1, part)
            var size = 5
            for value in values { size += try self.encodedSize(value, depth: depth + 1, part) }
            return size
        }
    }

    private static func check(depth: Int, _ part: StaticString) throws(BrokerError) {
        guard depth < self.depth else {
            throw BrokerError(.invalidArgument, "the \(part) nest deeper than \(self.depth) levels: flatten them")
        }
    }
}
