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

    /// The exchanges, by name; without the predeclared ones.
    public var exchanges: [Exchange]
    /// The queues, by name.
    public var queues: [QueueContents]
    /// The bindings, by source, destination and key.
    public var bindings: [Binding]
    /// The latest messages that were routed nowhere, oldest first: at most 1,000.
    public var unroutable: [Unroutable]

    /// The queue of that name.
    public subscript(queue name: String) -> QueueContents? {
        self.queues.first { ByteName($0.queue.name) == ByteName(name) }
    }
}

extension BrokerSnapshot {
    init(_ host: VirtualHost) {
        var unsettled: [QueueID: Int] = [:]
        for consumer in host.consumers.values { unsettled[consumer.queue, default: 0] += consumer.unsettled.count }
        self.exchanges = host.exchanges.values.map(\.declaration)
            .filter { !$0.name.utf8.starts(with: "amq.".utf8) }
            .sorted { $0.name < $1.name }
        self.queues = host.queues
            .map { id, queue in
                QueueContents(
                    queue: queue.declaration,
                    ready: queue.ready.all.map(\.published.message),
                    unsettledCount: unsettled[id] ?? 0,
                    consumerCount: queue.consumers.count
                )
            }
            .sorted { $0.queue.name < $1.queue.name }
        self.bindings = host.exchanges.values
            .flatMap { exchange in
                exchange.bindings.compactMap { Binding($0, from: exchange.declaration.name, in: host) }
            }
            .sorted { $0.path < $1.path }
        self.unroutable = host.unroutable.map(\.self)
    }
}

extension Binding {
    fileprivate var path: String { "\(self.source) \(self.destination) \(self.routingKey)" }

    fileprivate init?(_ bound: ExchangeRecord.Bound, from source: String, in host: VirtualHost) {
        let destination: Destination? =
            switch bound.destination {
            case .queue(let id): host.queues[id].map { .queue($0.declaration.name) }
            case .exchange(let id): host.exchanges[id].map { .exchange($0.declaration.name) }
            }
        guard let destination else { return nil }
        self.init(from: source, to: destination, routingKey: bound.routingKey.string, arguments: bound.arguments)
    }
}
