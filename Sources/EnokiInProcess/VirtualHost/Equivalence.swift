import EnokiBroker

/// RabbitMQ's rules of redeclaration: what must be the same when a queue or an exchange of that name exists.
enum Equivalence {
    /// The arguments of a queue that take part; others may differ.
    private static let queueArguments = ["x-expires", "x-message-ttl"]

    static func check(_ wanted: Queue, against current: Queue) throws(BrokerError) {
        let part = AMQPText.queue(current.name)
        try self.check("durable", for: part, wanted: wanted.durable, current: current.durable)
        try self.check("auto_delete", for: part, wanted: wanted.autoDelete, current: current.autoDelete)
        for name in self.queueArguments {
            try self.check(name, for: part, wanted: wanted.arguments[name], current: current.arguments[name])
        }
    }

    static func check(_ wanted: Exchange, against current: Exchange) throws(BrokerError) {
        let part = AMQPText.exchange(current.name)
        try self.check("type", for: part, wanted: wanted.kind, current: current.kind)
        try self.check("durable", for: part, wanted: wanted.durable, current: current.durable)
        try self.check("auto_delete", for: part, wanted: wanted.autoDelete, current: current.autoDelete)
        try self.check("internal", for: part, wanted: wanted.isInternal, current: current.isInternal)
        let name = "alternate-exchange"
        try self.check(name, for: part, wanted: wanted.arguments[name], current: current.arguments[name])
    }

    private static func check<Value: Equatable>(
        _ name: String,
        for part: String,
        wanted: Value,
        current: Value
    ) throws(BrokerError) {
        guard wanted == current else {
            throw .inequivalent(name, for: part, received: "'\(wanted)'", current: "'\(current)'")
        }
    }

    private static func check(
        _ name: String,
        for part: String,
        wanted: FieldValue?,
        current: FieldValue?
    ) throws(BrokerError) {
        switch (wanted, current) {
        case (nil, nil): return
        case (let wanted?, let current?) where self.areSame(wanted, current): return
        default:
            throw .inequivalent(name, for: part, received: self.text(wanted), current: self.text(current))
        }
    }

    /// Integers of all sizes are compared by their value.
    private static func areSame(_ left: FieldValue, _ right: FieldValue) -> Bool {
        if let left = left.integerValue, let right = right.integerValue { return left == right }
        if let left = left.stringValue, let right = right.stringValue { return left.hasSameBytes(as: right) }
        return left == right
    }

    private static func text(_ value: FieldValue?) -> String {
        value.map { "the value '\($0.stringValue ?? $0.description)'" } ?? "none"
    }
}
