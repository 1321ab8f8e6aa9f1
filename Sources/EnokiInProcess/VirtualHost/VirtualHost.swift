import DequeModule
import EnokiBroker

/// The broker as a state machine: exchanges, queues, bindings, connections, channels, consumers and the messages between
/// them.
///
/// It performs no I/O, knows no clock and calls nobody. Each input is a method; what follows from it is taken with
/// ``takeEffects()``. The same inputs in the same order give the same effects, whatever the process: nothing that can be
/// observed depends on the order of a set or a dictionary.
final class VirtualHost {
    /// The name, for RabbitMQ's texts.
    let name: String
    /// When time zero was, in seconds since 1970.
    let epoch: UInt64
    /// The time that the last ``advance(to:)`` told.
    private(set) var now: Duration = .zero

    var exchanges: [ExchangeID: ExchangeRecord] = [:]
    var exchangeIDs: [ByteName: ExchangeID] = [:]
    /// The bindings that lead to an exchange, by the exchange that holds them.
    var bindingsToExchange: [ExchangeID: [ExchangeID: Set<ExchangeRecord.Bound>]] = [:]
    var queues: [QueueID: QueueRecord] = [:]
    var queueIDs: [ByteName: QueueID] = [:]
    var connections: [ConnectionID: ConnectionRecord] = [:]
    var channels: [ChannelID: ChannelRecord] = [:]
    /// The channels that consume direct replies, by their addresses.
    var replyConsumers: [ByteName: ChannelRecord] = [:]
    /// Dead letters on their way: each may cause others, so they go one after another.
    var pendingDeadLetters = Deque<DeadLetter>()
    /// The latest messages that were routed to no queue, for tests.
    var unroutable = RecentList<BrokerSnapshot.Unroutable>()
    /// The latest dead letters, for tests.
    var deadLettered = RecentList<BrokerSnapshot.DeadLetter>()
    var effects = Effects()
    private var lastNumber: UInt64 = 0

    /// A virtual host with the exchanges that AMQP §3.1.3 and RabbitMQ predeclare.
    init(name: String = "/", epoch: UInt64 = 0) {
        self.name = name
        self.epoch = epoch
        for exchange in [
            Exchange("amq.direct", .direct), Exchange("amq.fanout", .fanout), Exchange("amq.topic", .topic),
            Exchange("amq.headers", .headers), Exchange("amq.match", .headers),
            Exchange("amq.rabbitmq.trace", .topic, isInternal: true),
        ] {
            self.insert(exchange)
        }
    }

    /// The same virtual host with nothing in it.
    var emptied: VirtualHost { VirtualHost(name: self.name, epoch: self.epoch) }

    /// Tells the time, which never goes back.
    func advance(to now: Duration) { self.now = max(self.now, now) }

    /// What followed from the inputs since the last call.
    func takeEffects() -> Effects {
        self.publishDeadLetters()
        defer { self.effects = Effects() }
        return self.effects
    }

    /// A number that was never given before.
    func nextNumber() -> UInt64 {
        self.lastNumber += 1
        return self.lastNumber
    }

    /// Lets go of all there is, whose parts hold each other.
    func tearDown() {
        for channel in self.channels.values {
            channel.consumers = [:]
            channel.blocked = ConsumerLine()
            channel.transaction = nil
            _ = channel.takeAll()
        }
        for queue in self.queues.values {
            queue.consumers = [:]
            queue.ring = ConsumerRing()
            queue.activeConsumer = nil
        }
        for connection in self.connections.values {
            connection.channels = [:]
            connection.exclusiveQueues = [:]
        }
        self.channels = [:]
        self.connections = [:]
        self.queues = [:]
        self.queueIDs = [:]
        self.replyConsumers = [:]
    }

    // MARK: - RabbitMQ's words

    func text(queue name: String) -> String { "queue '\(name)' in vhost '\(self.name)'" }

    func text(exchange name: String) -> String { "exchange '\(name)' in vhost '\(self.name)'" }
}
