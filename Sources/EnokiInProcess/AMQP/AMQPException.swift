import EnokiBroker

/// The error with which the broker closes a channel or a connection.
package struct AMQPException: Error, Sendable, Hashable {
    /// The kind of error.
    package let code: ReplyCode
    /// RabbitMQ's words, the name of the code before them.
    package let text: String
    /// The method that failed; `nil` where none did.
    package var method: AMQPMethod?

    /// An error with RabbitMQ's words for it.
    package init(_ code: ReplyCode, _ explanation: String, method: AMQPMethod? = nil) {
        self.code = code
        self.text = Self.shortString("\(code.name) - \(explanation)")
        self.method = method
    }

    /// What RabbitMQ says when it fails itself.
    package static let internalError = AMQPException(.internalError)

    /// The name of the code alone.
    private init(_ code: ReplyCode) {
        self.code = code
        self.text = code.name
    }

    /// As RabbitMQ cuts what does not fit a short string; but a character that the cut would go through is left out.
    private static func shortString(_ text: String) -> String {
        guard text.utf8.count > WireLimits.shortString else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: WireLimits.shortString - 3)
        while end.samePosition(in: text.unicodeScalars) == nil { text.utf8.formIndex(before: &end) }
        return text[..<end] + "..."
    }
}

extension AMQPException: CustomStringConvertible {
    /// Code and text.
    package var description: String { "\(self.code.rawValue) \(self.text)" }
}

/// RabbitMQ's words for what the methods of several classes complain of.
extension AMQPException {
    static func noQueue(_ name: String, in host: VirtualHost) -> Self {
        AMQPException(.notFound, "no \(host.text(queue: name))")
    }

    static func noExchange(_ name: String, in host: VirtualHost) -> Self {
        AMQPException(.notFound, "no \(host.text(exchange: name))")
    }

    static func locked(_ queue: String, in host: VirtualHost) -> Self {
        AMQPException(
            .resourceLocked,
            "cannot obtain exclusive access to locked \(host.text(queue: queue)). It could be originally declared on "
                + "another connection or the exclusive property value does not match that of the original declaration."
        )
    }

    static func inExclusiveUse(_ queue: String, in host: VirtualHost) -> Self {
        AMQPException(.accessRefused, "\(host.text(queue: queue)) in exclusive use")
    }

    static func reservedName(_ name: String, of part: String) -> Self {
        AMQPException(.accessRefused, "\(part) name '\(name)' contains reserved prefix 'amq.*'")
    }

    static var defaultExchange: Self {
        AMQPException(.accessRefused, "operation not permitted on the default exchange")
    }

    static var noPreviousQueue: Self { AMQPException(.notFound, "no previously declared queue") }

    static func unknownTag(_ tag: DeliveryTag) -> Self {
        AMQPException(.preconditionFailed, "unknown delivery tag \(tag)")
    }
}
