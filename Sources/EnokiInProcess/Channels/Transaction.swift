/// What a channel in transaction mode has done since the last commit.
struct Transaction {
    /// A message with the names of the queues that it was routed to when it was published: which of them are there is
    /// seen at the commit.
    struct Publish {
        let message: PublishedMessage
        let mandatory: Bool
        let queues: [String]
    }

    var publishes: [Publish] = []
    var settlements: [(deliveries: [(DeliveryTag, ChannelRecord.Unsettled)], answer: Settling)] = []
}

/// What becomes of a delivery.
enum Settling {
    case ack
    case requeue
    case reject
}
