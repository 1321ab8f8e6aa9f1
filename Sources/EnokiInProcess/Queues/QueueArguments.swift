import EnokiBroker

/// What the arguments of a queue ask for.
struct QueueArguments: Sendable {
    /// `x-expires`: how long the queue stays while nobody uses it.
    let expires: Duration?
    /// `x-message-ttl`: how long a message may wait in it.
    let messageTTL: Duration?

    /// The arguments that RabbitMQ heeds and this broker does not: refused, for a test that relied on one would prove
    /// nothing.
    private static let unsupported = [
        "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-dead-letter-strategy", "x-max-length",
        "x-max-length-bytes", "x-overflow", "x-max-priority", "x-single-active-consumer", "x-delivery-limit",
    ]

    init(of queue: Queue) throws(BrokerError) {
        self.expires = try Self.milliseconds("x-expires", of: queue, least: 1)
        self.messageTTL = try Self.milliseconds("x-message-ttl", of: queue, least: 0)
        for name in Self.unsupported where queue.arguments[name] != nil {
            throw BrokerError(
                .invalidArgument,
                "The in-process broker does not support the argument '\(name)' of queue '\(queue.name)' yet. "
                    + "Leave it out, or use RabbitMQ."
            )
        }
        if let type = queue.arguments["x-queue-type"], type.stringValue != "classic" {
            throw BrokerError(
                .invalidArgument,
                "The in-process broker has classic queues only; queue '\(queue.name)' asks for 'x-queue-type' \(type). "
                    + "Use \"classic\", or RabbitMQ."
            )
        }
    }

    private static func milliseconds(_ name: String, of queue: Queue, least: Int64) throws(BrokerError) -> Duration? {
        guard let value = queue.arguments[name] else { return nil }
        let longest = WireLimits.longestTime.wholeMilliseconds
        guard let number = value.integerValue, (least...longest).contains(number) else {
            throw BrokerError(
                .preconditionFailed,
                "PRECONDITION_FAILED - invalid arg '\(name)' for \(AMQPText.queue(queue.name)): \(value). "
                    + "Expected whole milliseconds from \(least) to \(longest)."
            )
        }
        return .milliseconds(number)
    }

}
