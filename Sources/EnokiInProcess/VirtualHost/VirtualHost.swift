import DequeModule
import EnokiBroker

/// A connection as the virtual host keeps it.
struct ConnectionRecord: Sendable {
    var consumers: Set<ConsumerID> = []
    var exclusiveQueues: Set<QueueID> = []
}

/// The broker as a state machine: exchanges, queues, bindings, consumers and the messages between them.
///
/// It performs no I/O, knows no clock and calls nobody. Each input is a mutating function; what follows from it is taken
/// with ``takeEffects()``. The same inputs in the same order give the same effects, whatever the process: nothing that
/// can be observed depends on the order of a set or a dictionary.
struct VirtualHost: Sendable {
    /// The time that the last ``advance(to:)`` told.
    private(set) var now: Duration = .zero

    var exchanges: [ExchangeID: ExchangeRecord] = [:]
    var exchangeIDs: [ByteName: ExchangeID] = [:]
    /// The bindings that lead to an exchange, by the exchange that holds them.
    var bindingsToExchange: [ExchangeID: [ExchangeID: Set<ExchangeRecord.Bound>]] = [:]
    var queues: [QueueID: QueueRecord] = [:]
    var queueIDs: [ByteName: QueueID] = [:]
    var consumers: [ConsumerID: ConsumerRecord] = [:]
    /// The consumers whose queue was deleted, by its name.
    var consumersWithoutQueue: [ByteName: Set<ConsumerID>] = [:]
    var connections: [ConnectionID: ConnectionRecord] = [:]
    /// The latest messages that were routed to no queue, for tests.
    var unroutable = Deque<BrokerSnapshot.Unroutable>()
    var effects = Effects()
    private var lastNumber: UInt64 = 0

    /// A virtual host with the exchanges that AMQP §3.1.3 and RabbitMQ predeclare.
    init() {
        for exchange in [
            Exchange("amq.direct", .direct), Exchange("amq.fanout", .fanout), Exchange("amq.topic", .topic),
            Exchange("amq.headers", .headers), Exchange("amq.match", .headers),
        ] {
            self.insert(exchange)
        }
    }

    /// Tells the time, which never goes back.
    mutating func advance(to now: Duration) { self.now = max(self.now, now) }

    /// What followed from the inputs since the last call.
    mutating func takeEffects() -> Effects {
        defer { self.effects = Effects() }
        return self.effects
    }

    /// A number that was never given before.
    mutating func nextNumber() -> UInt64 {
        self.lastNumber += 1
        return self.lastNumber
    }
}
