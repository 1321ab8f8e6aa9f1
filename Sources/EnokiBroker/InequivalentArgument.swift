/// How an exchange or a queue that exists differs from the one that was to be declared (AMQP 406, `inequivalent arg`).
///
/// RabbitMQ names one argument, the first that differs:
/// `inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'`.
public struct InequivalentArgument: Sendable, Hashable {
    /// The argument, or one of `type`, `durable`, `auto_delete` and `internal`.
    public let argument: String
    /// What exists, such as `queue 'orders'`.
    public let entity: String
    /// The value that was to be declared, in the broker's words.
    public let wanted: String
    /// The value that the broker has, in its words.
    public let current: String

    /// What the text of the broker's answer says; `nil` when it speaks of something else.
    package init?(_ text: String) {
        guard
            let argument = text.firstMatch(between: "inequivalent arg '", and: "' for "),
            let entity = text.firstMatch(between: "' for ", and: " in vhost '"),
            let wanted = text.firstMatch(between: "received ", and: " but current is "),
            let current = text.firstRange(of: " but current is ").map({ String(text[$0.upperBound...]) })
        else { return nil }
        self.argument = argument
        self.entity = entity
        self.wanted = wanted
        self.current = current
    }

    /// Whether what exists serves all the same. An exchange of another type, or an internal one, does not: messages would go
    /// other ways, or none.
    package var isUsable: Bool { self.argument != "type" && self.argument != "internal" }
}

extension InequivalentArgument: CustomStringConvertible {
    /// What differs, and what to do.
    public var description: String {
        "\(self.entity) exists with other arguments: of '\(self.argument)' the broker has \(self.current),"
            + " wanted was \(self.wanted). Delete the \(self.entity.prefix { $0 != " " }), or declare it with the"
            + " broker's value, or leave the argument out and set it by a policy."
    }
}

extension String {
    fileprivate func firstMatch(between start: String, and end: String) -> String? {
        guard let from = self.firstRange(of: start) else { return nil }
        let rest = self[from.upperBound...]
        guard let to = rest.firstRange(of: end) else { return nil }
        return String(rest[..<to.lowerBound])
    }
}
