extension BrokerError {
    /// Whether a queue is only out of reach: it is durable, and the node that has it is down, or another connection is just declaring
    /// it. RabbitMQ answers 404 then, as for what does not exist, with a text of its own (`rabbit_amqqueue:not_found_or_absent`).
    package var isQueueDown: Bool { self.code == .notFound && self.message.contains("is down or inaccessible") }
}
