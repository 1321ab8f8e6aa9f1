import EnokiBroker

/// RabbitMQ's words for what went wrong, so that a log reads the same with either broker.
enum AMQPText {
    static func queue(_ name: String) -> String { "queue '\(name)' in vhost '/'" }

    static func exchange(_ name: String) -> String { "exchange '\(name)' in vhost '/'" }
}

extension BrokerError {
    static func noQueue(_ name: String) -> BrokerError {
        BrokerError(.notFound, "NOT_FOUND - no \(AMQPText.queue(name)). Declare it first.")
    }

    static func noExchange(_ name: String) -> BrokerError {
        BrokerError(.notFound, "NOT_FOUND - no \(AMQPText.exchange(name)). Declare it first.")
    }

    static func locked(_ queue: String) -> BrokerError {
        BrokerError(
            .resourceLocked,
            "RESOURCE_LOCKED - cannot obtain exclusive access to locked \(AMQPText.queue(queue)). It could be originally "
                + "declared on another connection or the exclusive property value does not match that of the original "
                + "declaration. Use the connection that declared it, or another name."
        )
    }

    static func inExclusiveUse(_ queue: String) -> BrokerError {
        BrokerError(
            .accessRefused,
            "ACCESS_REFUSED - \(AMQPText.queue(queue)) in exclusive use. An exclusive consumer must be the only one of its "
                + "queue: cancel the other, or consume without exclusive."
        )
    }

    static func reservedName(_ name: String, of part: String) -> BrokerError {
        BrokerError(
            .accessRefused,
            "ACCESS_REFUSED - \(part) name '\(name)' contains reserved prefix 'amq.*'. Choose another name."
        )
    }

    static func noRoute(exchange: String, routingKey: String) -> BrokerError {
        BrokerError(
            .unroutable,
            "NO_ROUTE (312) - exchange '\(exchange)' routes the mandatory message with routing key '\(routingKey)' to no "
                + "queue. Bind a queue for it: is the service that owns it running?"
        )
    }

    static var defaultExchange: BrokerError {
        BrokerError(
            .accessRefused,
            "ACCESS_REFUSED - operation not permitted on the default exchange. Every queue is bound to it under its name "
                + "already; declare an exchange of your own for other bindings."
        )
    }

    static func inequivalent(
        _ argument: String,
        for part: String,
        received: String,
        current: String
    ) -> BrokerError {
        BrokerError(
            .preconditionFailed,
            "PRECONDITION_FAILED - inequivalent arg '\(argument)' for \(part): received \(received) but current is "
                + "\(current). Declare it as it is, or delete it first and lose what it holds."
        )
    }
}
