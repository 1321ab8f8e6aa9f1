import EnokiBroker

/// What AMQP 0-9-1 can carry and RabbitMQ takes.
///
/// The in-process broker has no wire, and refuses what has no way over one, so that a test does not pass with what fails
/// in production.
enum WireLimits {
    /// The longest name, in bytes of UTF-8 (AMQP 0-9-1 §4.2.5.3, `shortstr`).
    static let shortString = 255
    /// How deep tables and arrays may nest.
    static let depth = 32
    /// The longest time for a message or a queue, in milliseconds: RabbitMQ says `value_too_large` to more than ten years.
    static let longestTime: Int64 = 315_360_000_000

    static func check(_ exchange: Exchange) throws(BrokerError) {
        try self.check(exchange: exchange.name)
        try self.check(exchange.kind.rawValue, as: "type of an exchange")
        try self.check(exchange.arguments, as: "arguments of exchange '\(exchange.name)'")
    }

    static func check(exchange name: String) throws(BrokerError) { try self.check(name, as: "name of an exchange") }

    static func check(_ queue: Queue) throws(BrokerError) {
        try self.check(queue: queue.name)
        try self.check(queue.arguments, as: "arguments of queue '\(queue.name)'")
    }

    /// A queue must be named: RabbitMQ would invent a name, or take the last one that was declared.
    static func check(queue name: String) throws(BrokerError) {
        guard !name.isEmpty else { throw BrokerError(.invalidArgument, "The name of a queue is empty. Give it one.") }
        try self.check(name, as: "name of a queue")
    }

    static func check(_ binding: Binding) throws(BrokerError) {
        try self.check(exchange: binding.source)
        try self.check(binding.routingKey, as: "binding key")
        try self.check(binding.arguments, as: "arguments of a binding of exchange '\(binding.source)'")
        switch binding.destination {
        case .queue(let name): try self.check(queue: name)
        case .exchange(let name): try self.check(exchange: name)
        }
    }

    static func check(_ properties: BasicProperties) throws(BrokerError) {
        let strings = [
            ("content type", properties.contentType), ("content encoding", properties.contentEncoding),
            ("correlation id", properties.correlationID), ("reply-to", properties.replyTo),
            ("message id", properties.messageID), ("type", properties.type), ("user id", properties.userID),
            ("app id", properties.appID), ("cluster id", properties.clusterID),
        ]
        for case (let name, let value?) in strings { try self.check(value, as: name) }
        try self.check(properties.headers, as: "headers of a message")
        guard let expiration = properties.expiration else { return }
        guard expiration >= .zero, expiration <= .milliseconds(self.longestTime) else {
            throw BrokerError(
                .invalidArgument,
                "The expiration of a message is \(expiration). Allowed is from 0 to \(self.longestTime) milliseconds."
            )
        }
    }

    static func check(_ name: String, as part: String) throws(BrokerError) {
        guard name.utf8.count <= self.shortString else {
            throw BrokerError(
                .invalidArgument,
                "The \(part) has \(name.utf8.count) bytes of UTF-8, and AMQP allows \(self.shortString): "
                    + "'\(name.prefix(40))…'. Shorten it."
            )
        }
        guard !name.utf8.contains(0) else {
            throw BrokerError(.invalidArgument, "The \(part) has a NUL byte: '\(name.prefix(40))'. Remove it.")
        }
    }

    private static func check(_ headers: Headers, as part: String, depth: Int = 0) throws(BrokerError) {
        try self.check(depth: depth, as: part)
        for header in headers {
            try self.check(header.name, as: "name of a header")
            try self.check(header.value, as: part, depth: depth + 1)
        }
    }

    private static func check(_ value: FieldValue, as part: String, depth: Int) throws(BrokerError) {
        switch value {
        case .table(let table): try self.check(table, as: part, depth: depth)
        case .array(let values):
            try self.check(depth: depth, as: part)
            for value in values { try self.check(value, as: part, depth: depth + 1) }
        default: break
        }
    }

    private static func check(depth: Int, as part: String) throws(BrokerError) {
        guard depth >= self.depth else { return }
        throw BrokerError(.invalidArgument, "The \(part) nest deeper than \(self.depth) levels. Flatten them.")
    }
}

extension Duration {
    /// What arrives of an expiration within the limits: it travels in whole milliseconds, rounded up.
    var inWholeMilliseconds: Duration { .milliseconds(Int64((self / .milliseconds(1)).rounded(.up))) }
}
