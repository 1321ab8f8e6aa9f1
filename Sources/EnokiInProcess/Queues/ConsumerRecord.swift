import EnokiBroker

/// A consumer as the virtual host keeps it: until it is closed, so that what it was given can be settled.
struct ConsumerRecord: Sendable {
    enum State: Sendable {
        /// It is served by its queue.
        case active
        /// Its queue was deleted; it is served again when there is one of that name.
        case withoutQueue
        /// It gets nothing more.
        case cancelled
    }

    let connection: ConnectionID
    let options: ConsumerOptions
    let queueName: String
    var queue: QueueID
    var state = State.active
    /// What it was given and has not settled, in its present queue.
    var unsettled: [DeliveryTag: QueuedMessage] = [:]
    /// Whether it stands in the ring of its queue.
    var isInRing = false

    var priority: Int32 { self.options.priority ?? 0 }

    var canTakeMore: Bool {
        self.state == .active && (self.options.automaticAcknowledgement || self.unsettled.count < self.options.prefetch)
    }
}
