import EnokiBroker

@testable import EnokiInProcess

extension ConsumerRecord {
    /// A consumer of that number, of one queue, channel and connection for all.
    static func example(_ number: Int, priority: Int64 = 0) -> ConsumerRecord {
        let connection = ConnectionRecord(id: ConnectionID(number: 1), control: nil, name: "test", user: "guest")
        return ConsumerRecord(
            id: ConsumerID(number: UInt64(number)),
            tag: "",
            channel: ChannelRecord(id: ChannelID(number: 1), connection: connection),
            queue: QueueRecord(
                id: QueueID(number: 1),
                Queue("q"),
                arguments: QueueArguments(),
                owner: nil,
                now: .zero
            ),
            noAck: false,
            exclusive: false,
            priority: priority,
            prefetch: 0
        )
    }
}
