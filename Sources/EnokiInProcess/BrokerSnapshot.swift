public import EnokiBroker

/// What an ``InProcessBroker`` held at one moment: for a test to look into, and to say what did happen when it fails.
public struct BrokerSnapshot: Sendable, Hashable {
    /// A queue with its messages.
    public struct QueueContents: Sendable, Hashable {
        /// The queue as it was declared.
        public var queue: Queue
        /// The messages that wait for a consumer, in order.
        public var ready: [Message]
        /// How many messages are delivered and not settled.
        public var unsettledCount: Int
        /// How many consumers there are.
        public var consumerCount: Int
    }

    /// A message that was routed to no queue.
    public struct Unroutable: Sendable, Hashable {
        /// The message.
        public var message: Message
        /// The exchange it was published to.
        public var exchange: String
        /// Its routing key.
        public var routingKey: String
        /// Whether it was returned to its publisher because it was mandatory; otherwise it was dropped.
        public var returned: Bool
    }

    /// A message that left its queue for the queue's dead-letter exchange.
    public struct DeadLetter: Sendable, Hashable {
        /// The message as it was published there, with its `x-death` header.
        public var message: Message
        /// The queue that it left.
        public var queue: String
        /// Why: `expired`, `rejected` or `maxlen`.
        public var reason: String
        /// The dead-letter exchange.
        public var exchange: String
        /// The routing key that it was published with.
        public var routingKey: String
        /// The queues that it was routed to; with none it was lost.
        public var destinations: [String]
    }

    /// The exchanges, by name; without the predeclared ones.
    public var exchanges: [Exchange]
    /// The queues, by name.
    public var queues: [QueueContents]
    /// The bindings, by source, destination and key; those that differ in their arguments only in the order in which they
    /// were made.
    public var bindings: [Binding]
    /// The latest messages that were routed nowhere, oldest first: at most 1,000, and of large ones fewer.
    public var unroutable: [Unroutable]
    /// The latest dead letters, oldest first: at most 1,000, and of large ones fewer.
    public var deadLetters: [DeadLetter]

    /// The queue of that name.
    public subscript(queue name: String) -> QueueContents? {
        self.queues.first { ByteName($0.queue.name) == ByteName(name) }
    }
}

extension BrokerSnapshot {
    init(_ host: VirtualHost) {
        self.exchanges = host.exchanges.values.map(\.declaration)
            .filter { !$0.name.utf8.starts(with: "amq.".utf8) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        self.queues = host.queues
            .map { _, queue in
                QueueContents(
                    queue: queue.declaration,
                    ready: queue.ready.all.map(\.published.message),
                    unsettledCount: queue.unsettledCount,
                    consumerCount: queue.consumers.count
                )
            }
            .sorted { $0.queue.name.utf8.lexicographicallyPrecedes($1.queue.name.utf8) }
        self.bindings = host.exchanges.values
            .flatMap { exchange in
                exchange.bindings
                    .sorted { $0.value.number < $1.value.number }
                    .compactMap { Binding($0.key, $0.value, from: exchange.declaration.name, in: host) }
            }
            // Those that differ in their arguments only stay in the order in which they were made: sorting is stable.
            .sorted { $0.precedes($1) }
        self.unroutable = Array(host.unroutable.elements)
        self.deadLetters = Array(host.deadLettered.elements)
    }
}

extension Binding {
    /// What bindings are put in order by; an exchange comes before a queue of its name.
    private var path: [String] {
        switch self.destination {
        case .exchange(let name): [self.source, "exchange", name, self.routingKey]
        case .queue(let name): [self.source, "queue", name, self.routingKey]
        }
    }

    fileprivate func precedes(_ other: Binding) -> Bool {
        for (left, right) in zip(self.path, other.path) where !left.hasSameBytes(as: right) {
            return left.utf8.lexicographicallyPrecedes(right.utf8)
        }
        return false
    }

    fileprivate init?(
        _ bound: ExchangeRecord.Bound,
        _ origin: ExchangeRecord.Origin,
        from source: String,
        in host: VirtualHost
    ) {
        let destination: Destination? =
            switch bound.destination {
            case .queue(let id): host.queues[id].map { .queue($0.declaration.name) }
            case .exchange(let id): host.exchanges[id].map { .exchange($0.declaration.name) }
            }
        guard let destination else { return nil }
        self.init(from: source, to: destination, routingKey: bound.routingKey.string, arguments: origin.arguments)
    }
}
