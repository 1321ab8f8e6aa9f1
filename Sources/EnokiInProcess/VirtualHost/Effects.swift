import EnokiBroker

/// What follows from an input to the virtual host, for those around it to carry out.
struct Effects: Sendable {
    /// A message on its way to a consumer.
    struct Handover: Sendable {
        let consumer: ConsumerID
        let tag: DeliveryTag
        let message: QueuedMessage
    }

    /// A wish to hear of `queue` again at `instant`, or no more where that is `nil`; it replaces the earlier one.
    struct Wake: Sendable {
        let queue: QueueID
        let instant: Duration?
    }

    /// In the order in which the consumers must get them.
    var handovers: [Handover] = []
    var wakes: [Wake] = []
}
