import EnokiBroker

/// RabbitMQ's rules of redeclaration: what must be the same when a queue or an exchange of that name exists.
struct Equivalence {
    /// The queue or the exchange, in RabbitMQ's words.
    let part: String

    func check(_ wanted: Queue, against current: Queue) throws(AMQPException) {
        // RabbitMQ knows no durable exclusive queue: it would go with its connection anyhow.
        try self.check("durable", wanted.durable && !wanted.exclusive, current.durable && !current.exclusive)
        try self.check("auto_delete", wanted.autoDelete, current.autoDelete)
        for name in QueueArguments.compared {
            try self.check(name, wanted.arguments[name], current.arguments[name])
        }
    }

    func check(_ wanted: Exchange, against current: Exchange) throws(AMQPException) {
        try self.check("type", wanted.kind, current.kind)
        try self.check("durable", wanted.durable, current.durable)
        try self.check("auto_delete", wanted.autoDelete, current.autoDelete)
        try self.check("internal", wanted.isInternal, current.isInternal)
        let name = "alternate-exchange"
        try self.check(name, wanted.arguments[name], current.arguments[name])
    }

    private func check<Value: Equatable>(_ name: String, _ wanted: Value, _ current: Value) throws(AMQPException) {
        guard wanted != current else { return }
        throw self.inequivalent(name, received: "'\(wanted)'", current: "'\(current)'")
    }

    private func check(_ name: String, _ wanted: FieldValue?, _ current: FieldValue?) throws(AMQPException) {
        switch (wanted, current) {
        case (nil, nil): return
        // A classic queue is one whether it says so or not.
        case (.string("classic"), nil) where name == "x-queue-type": return
        case (nil, .string("classic")) where name == "x-queue-type": return
        case (let wanted?, let current?):
            guard !wanted.isEquivalent(to: current) else { return }
            throw self.inequivalent(name, received: "'\(wanted.erlangText)'", current: "'\(current.erlangText)'")
        default: throw self.inequivalent(name, received: Self.text(wanted), current: Self.text(current))
        }
    }

    private func inequivalent(_ name: String, received: String, current: String) -> AMQPException {
        AMQPException(
            .preconditionFailed,
            "inequivalent arg '\(name)' for \(self.part): received \(received) but current is \(current)"
        )
    }

    private static func text(_ value: FieldValue?) -> String {
        value.map { "the value '\($0.erlangText)' of type '\($0.erlangType)'" } ?? "none"
    }
}
