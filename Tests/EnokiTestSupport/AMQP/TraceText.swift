import EnokiBroker

/// How messages and tables stand in a trace: exact in kind and value, and the same at every run.
enum TraceText {
    static func of(_ message: Message) -> String {
        let properties = self.of(message.properties)
        let body = "\"\(String(decoding: message.body, as: UTF8.self))\""
        return properties.isEmpty ? body : "\(body) [\(properties)]"
    }

    private static func of(_ properties: BasicProperties) -> String {
        let values: [(String, (any CustomStringConvertible)?)] = [
            ("content-type", properties.contentType), ("content-encoding", properties.contentEncoding),
            ("headers", properties.headers.isEmpty ? nil : self.of(properties.headers)),
            ("delivery-mode", properties.deliveryMode?.rawValue), ("priority", properties.priority),
            ("correlation-id", properties.correlationID), ("reply-to", properties.replyTo),
            ("expiration", properties.expiration?.wholeMilliseconds), ("message-id", properties.messageID),
            ("timestamp", properties.timestamp), ("type", properties.type), ("user-id", properties.userID),
            ("app-id", properties.appID), ("cluster-id", properties.clusterID),
        ]
        return values.compactMap { name, value in value.map { "\(name): \($0)" } }.joined(separator: ", ")
    }

    /// Sorted by name: the order is no part of a table's meaning.
    static func of(_ headers: Headers) -> String {
        let pairs = headers.map { "\($0.name): \(self.of($0.value))" }
        return "{\(pairs.sorted().joined(separator: ", "))}"
    }

    /// Kinds other than the ones that literals make are named by their letter on the wire.
    private static func of(_ value: FieldValue) -> String {
        switch value {
        case .int8: "\(value)b"
        case .uint8: "\(value)B"
        case .int16: "\(value)s"
        case .uint16: "\(value)u"
        case .uint32: "\(value)i"
        case .int64: "\(value)l"
        case .uint64: "\(value)L"
        case .float: "\(value)f"
        case .bytes(let bytes): "x'\(String(decoding: bytes, as: UTF8.self))'"
        case .array(let values): "[\(values.map { self.of($0) }.joined(separator: ", "))]"
        case .table(let table): self.of(table)
        // The time of day; a test that sets a timestamp uses one of the last century.
        case .timestamp(let seconds) where seconds > 1_000_000_000: "@now"
        default: "\(value)"
        }
    }
}
