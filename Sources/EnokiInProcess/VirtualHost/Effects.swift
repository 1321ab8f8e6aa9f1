import EnokiBroker

/// What follows from an input to the virtual host, for those around it to carry out.
struct Effects: Sendable {
    /// A wish to hear of a queue again at `instant`, or no more where that is `nil`; it replaces the earlier one.
    struct Wake: Sendable {
        let queue: QueueID
        let instant: Duration?
    }

    /// What is sent on channels, in the order in which each must get it.
    var events: [(channel: ChannelID, event: ChannelEvent)] = []
    var wakes: [Wake] = []
    /// The names of queues that are new.
    var declaredQueues: [ByteName] = []
}
