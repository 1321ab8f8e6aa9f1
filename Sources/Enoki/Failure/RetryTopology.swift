/// What failed messages need on the broker: the same for all services of a virtual host.
package enum RetryTopology {
    /// The exchange through which messages go back to the queue that they came from: each is bound by its own name.
    package static let returnExchange = "enoki.retry"
    /// Where a message goes whose queue is gone when it comes back.
    package static let lostName = "enoki.lost"

    /// The exchange and the queue in which messages wait `step`.
    package static func waitingName(_ step: Duration) -> String { "enoki.retry.\(step.wholeMilliseconds)" }

    /// The queue of the dead letters of `queue`.
    package static func deadLetterQueue(of queue: String) -> String { queue + Self.deadLetterSuffix }

    /// What tells a queue of dead letters from all others.
    package static let deadLetterSuffix = ".dead"

    /// The way back, and what catches those that find their queue gone.
    package static var wayBack: Topology {
        Topology(
            exchanges: [
                Exchange(Self.lostName, .fanout),
                Exchange(
                    Self.returnExchange,
                    .direct,
                    arguments: ["alternate-exchange": .string(Self.lostName)]
                ),
            ],
            queues: [Queue(Self.lostName)],
            bindings: [Binding(from: Self.lostName, toQueue: Self.lostName)]
        )
    }

    /// What a queue needs whose messages may be tried again: the way back, up to its own door.
    package static func wayBack(to queue: String) -> Topology {
        Self.wayBack.merging(
            Topology(bindings: [Binding(from: Self.returnExchange, toQueue: queue, routingKey: queue)])
        )
    }

    /// Where messages wait `step`, and what they need then.
    ///
    /// The queue has no time of its own, each message brings its own: so what waits longer stands in another queue, and is
    /// in nobody's way.
    package static func waiting(_ step: Duration) -> Topology {
        let name = Self.waitingName(step)
        return Self.wayBack.merging(
            Topology(
                exchanges: [Exchange(name, .fanout)],
                queues: [Queue(name, arguments: ["x-dead-letter-exchange": .string(Self.returnExchange)])],
                bindings: [Binding(from: name, toQueue: name)]
            )
        )
    }

    /// The queue of the dead letters of `queue`.
    package static func deadLetters(of queue: String) -> Topology {
        Topology(queues: [Queue(Self.deadLetterQueue(of: queue))])
    }

    /// The longest name of a queue that leaves room for that of its dead letters.
    package static let longestQueueName = WireLimits.shortString - ".dead".utf8.count
}
