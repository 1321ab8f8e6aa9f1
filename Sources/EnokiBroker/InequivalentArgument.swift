/// How an exchange or a queue that exists differs from the one that was to be declared (AMQP 406, `inequivalent arg`).
///
/// RabbitMQ names one argument, the first that differs:
/// `inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'`. It cuts such a text at 255 bytes, so
/// that for long names the values may be missing.
public struct InequivalentArgument: Sendable, Hashable {
    /// The argument, or one of `type`, `durable`, `auto_delete` and `internal`.
    public let argument: String
    /// What exists, such as `queue 'orders'`.
    public let entity: String
    /// The value that was to be declared, in the broker's words; `nil` where these are cut off.
    public let wanted: String?
    /// The value that the broker has, in its words; `nil` where these are cut off.
    public let current: String?

    /// What the text of the broker's answer says; `nil` when it speaks of something else.
    package init?(_ text: String) {
        guard let argument = text.firstMatch(between: "inequivalent arg '", and: "' for "),
            let start = text.firstRange(of: "' for ")?.upperBound
        else { return nil }
        let rest = text[start...]
        guard rest.hasPrefix("queue '") || rest.hasPrefix("exchange '") else { return nil }
        self.argument = argument
        self.entity = rest.firstRange(of: " in vhost '").map { String(rest[..<$0.lowerBound]) } ?? String(rest)
        self.wanted = text.firstMatch(between: "received ", and: " but current is ")
        self.current =
            self.wanted == nil ? nil : text.firstRange(of: " but current is ").map { String(text[$0.upperBound...]) }
    }

    /// Whether what exists serves all the same. What keeps less than is wanted does not: it would go with the broker's next start
    /// (`durable`), or with its last consumer or binding (`auto_delete`), and all that is in it. Neither does an exchange of another type,
    /// or an internal one: messages would go other ways, or none.
    package var isUsable: Bool {
        switch self.argument {
        case "type", "internal": false
        case "durable": self.current?.contains("true") == true
        case "auto_delete": self.current?.contains("false") == true
        default: true
        }
    }
}

extension InequivalentArgument: CustomStringConvertible {
    /// What differs, and what to do.
    public var description: String {
        "\(self.entity) exists with other arguments: of '\(self.argument)' the broker has \(self.current ?? "another value"),"
            + " wanted was \(self.wanted ?? "what the service says"). Delete the \(self.entity.prefix { $0 != " " }), or declare it with the"
            + " broker's value\(self.isForPolicies ? ", or leave the argument out and set it by a policy" : "")."
    }

    /// Whether an operator's policy can say the same, and change it while the queue or the exchange exists
    /// (https://www.rabbitmq.com/docs/parameters#policies). What exists must have been declared without it.
    private var isForPolicies: Bool { self.current == "none" && Self.argumentsOfPolicies.contains(self.argument) }

    private static let argumentsOfPolicies: Set = [
        "alternate-exchange", "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-delivery-limit", "x-expires",
        "x-max-length", "x-max-length-bytes", "x-message-ttl", "x-overflow", "x-queue-mode",
    ]
}

extension String {
    fileprivate func firstMatch(between start: String, and end: String) -> String? {
        guard let from = self.firstRange(of: start) else { return nil }
        let rest = self[from.upperBound...]
        guard let to = rest.firstRange(of: end) else { return nil }
        return String(rest[..<to.lowerBound])
    }
}
