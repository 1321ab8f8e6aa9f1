import EnokiBroker
import EnokiTestSupport

import struct EnokiInProcess.SeededGenerator

/// Chooses what is done next on a broker, at random by a seed: mostly what makes sense, sometimes what does not.
///
/// What RabbitMQ leaves to chance is avoided, so that a way has one outcome. Deliveries of two queues to one channel come
/// in any order: each channel consumes and gets from one queue. Dead letters of two queues race: each queue has its own
/// queue for them.
struct RandomWays {
    /// How many channels there are; two on each connection.
    static let channels = 4
    /// The queues whose state is looked at after each step.
    static let queues = ["q0", "q1", "q2", "d0", "d1", "d2"]
    private static let exchanges = ["x0", "x1", "x2"]
    private static let keys = ["a", "b", "a.b", "", "q0", "q1"]

    /// The queue that a channel consumes and gets from.
    static func queue(of channel: Int) -> String { "q\(channel % 2)" }

    private var random: SeededGenerator
    private var consumers: [[String]] = Array(repeating: [], count: channels)
    private var isTransactional = Array(repeating: false, count: channels)
    private var singleActive: Set<String> = []
    private var published = 0

    /// Whether there are messages without time, or else queues with priorities: RabbitMQ notices late that a message has
    /// expired which came to the head of a queue past others.
    private let expiresMessages: Bool

    /// Whether channels have limits, or else requeue: RabbitMQ's limiter and its queues race where a message of a limited
    /// channel goes back.
    private let limitsChannels: Bool

    init(seed: UInt64) {
        self.random = SeededGenerator(seed: seed)
        self.expiresMessages = seed % 2 == 0
        self.limitsChannels = seed % 3 == 0
    }

    /// The channel that goes next.
    mutating func channel() -> Int { self.below(Self.channels) }

    /// What is declared before anything else.
    mutating func beginnings() -> [AMQPMethod] {
        var methods: [AMQPMethod] = []
        for number in 0..<3 {
            methods.append(self.declareQueue(number))
            methods.append(self.declareDeadLetters(number))
            methods.append(self.declareExchange(Self.exchanges[number]))
        }
        for _ in 0..<6 { methods.append(self.bindQueue()) }
        return methods
    }

    /// What it does.
    ///
    /// - Parameter unsettled: The tags of its deliveries that are not settled.
    mutating func next(on channel: Int, unsettled: [UInt64]) -> AMQPMethod {
        switch self.below(100) {
        case 0..<30: return self.publish()
        case 30..<37: return .basicGet(Self.queue(of: channel), noAck: self.chance(4))
        case 37..<44: return self.consume(on: channel)
        case 44..<47: return self.cancel(on: channel)
        case 47..<65: return self.settle(unsettled, orElse: channel)
        case 65..<66: return self.limitsChannels ? .basicGet(Self.queue(of: channel)) : .basicRecover(requeue: true)
        case 66..<69: return .basicQos(count: UInt16(self.below(4)), global: self.limitsChannels && self.chance(2))
        case 69..<73: return self.declareQueue(self.below(3))
        case 73..<76: return self.declareDeadLetters(self.below(3))
        case 76..<80: return self.declareExchange(self.oneOf(Self.exchanges))
        case 80..<86: return self.bindQueue()
        case 86..<88: return self.bindExchange()
        case 88..<90:
            let queue = self.oneOf(Self.queues)
            return .queueDelete(queue, ifUnused: self.chance(2), ifEmpty: self.chance(3))
        case 90..<91: return .exchangeDelete(self.oneOf(Self.exchanges), ifUnused: self.chance(2))
        case 91..<93: return .queuePurge(self.oneOf(Self.queues))
        case 93..<95: return .confirmSelect
        case 95..<98: return self.transaction(on: channel)
        default: return .channelClose
        }
    }

    /// The channel is new.
    mutating func reset(_ channel: Int) {
        self.consumers[channel] = []
        self.isTransactional[channel] = false
    }

    // MARK: Methods

    private mutating func publish() -> AMQPMethod {
        self.published += 1
        var properties = BasicProperties()
        if self.chance(4) { properties.priority = UInt8(self.below(5)) }
        if self.chance(4) { properties.headers["h"] = .int32(Int32(self.below(3))) }
        if self.expiresMessages, self.chance(6) { properties.expiration = .zero }
        if self.chance(8) { properties.headers["CC"] = [.string(self.oneOf(Self.keys))] }
        if self.chance(12) { properties.headers["BCC"] = [.string(self.oneOf(Self.keys))] }
        let message = Message("m\(self.published)", properties: properties)
        let toQueue = self.chance(2)
        return .basicPublish(
            message,
            to: toQueue ? "" : self.oneOf(Self.exchanges),
            key: toQueue ? self.oneOf(Array(Self.queues.prefix(3))) : self.oneOf(Self.keys),
            mandatory: self.chance(3)
        )
    }

    private mutating func consume(on channel: Int) -> AMQPMethod {
        let tag = self.chance(30) ? self.consumers[channel].first ?? "c" : "c\(self.below(1000))"
        self.consumers[channel].append(tag)
        return .basicConsume(
            Self.queue(of: channel),
            tag: tag,
            noAck: self.chance(4),
            exclusive: self.chance(12),
            arguments: self.chance(4) ? ["x-priority": .int32(Int32(self.below(3)))] : [:]
        )
    }

    private mutating func cancel(on channel: Int) -> AMQPMethod {
        // RabbitMQ 3.10 fails where the active one of several is cancelled.
        guard !self.singleActive.contains(Self.queue(of: channel)), let tag = self.consumers[channel].first else {
            return .basicCancel("nope")
        }
        return .basicCancel(tag)
    }

    private mutating func settle(_ unsettled: [UInt64], orElse channel: Int) -> AMQPMethod {
        guard !unsettled.isEmpty else {
            return self.chance(8)
                ? .basicAck(UInt64(self.below(3)), multiple: self.chance(2)) : self.consume(on: channel)
        }
        let tag = self.chance(20) ? UInt64(self.below(10)) : self.oneOf(unsettled)
        return switch self.below(4) {
        case 0: .basicNack(tag, multiple: self.chance(2), requeue: self.requeues())
        case 1: .basicReject(tag, requeue: self.requeues())
        default: .basicAck(tag, multiple: self.chance(3))
        }
    }

    private mutating func transaction(on channel: Int) -> AMQPMethod {
        if self.isTransactional[channel] { return self.chance(4) ? .txRollback : .txCommit }
        guard self.chance(3) else { return .confirmSelect }
        self.isTransactional[channel] = true
        return .txSelect
    }

    private mutating func declareDeadLetters(_ number: Int) -> AMQPMethod {
        let back: Headers = ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string("q\(number)")]
        return .queueDeclare(Queue("d\(number)", arguments: self.chance(2) ? back : [:]))
    }

    private mutating func declareQueue(_ number: Int) -> AMQPMethod {
        var arguments: Headers = [:]
        if self.chance(2) {
            arguments["x-dead-letter-exchange"] = ""
            arguments["x-dead-letter-routing-key"] = .string("d\(number)")
        }
        if !self.expiresMessages, self.chance(3) { arguments["x-max-priority"] = 3 }
        if self.chance(3) { arguments["x-max-length"] = .int32(Int32(1 + self.below(3))) }
        if self.expiresMessages, self.chance(8) { arguments["x-message-ttl"] = 0 }
        if self.chance(8) { arguments["x-max-length-bytes"] = .int32(Int32(3 + self.below(6))) }
        if self.chance(3) {
            let overflows: [FieldValue] = ["drop-head", "reject-publish", "reject-publish-dlx"]
            arguments["x-overflow"] = self.oneOf(overflows)
        }
        if self.chance(6) {
            arguments["x-single-active-consumer"] = true
            self.singleActive.insert("q\(number)")
        }
        let queue = Queue(
            "q\(number)",
            durable: !self.chance(4),
            exclusive: self.chance(15),
            autoDelete: self.chance(8),
            arguments: arguments
        )
        return .queueDeclare(queue, passive: self.chance(8))
    }

    private mutating func declareExchange(_ name: String) -> AMQPMethod {
        let kinds: [Exchange.Kind] = [.direct, .topic, .fanout, .headers]
        let exchange = Exchange(
            name,
            self.oneOf(kinds),
            durable: !self.chance(4),
            autoDelete: self.chance(6),
            isInternal: self.chance(15),
            arguments: self.chance(5) ? ["alternate-exchange": .string(self.oneOf(Self.exchanges))] : [:]
        )
        return .exchangeDeclare(exchange, passive: self.chance(8))
    }

    private mutating func bindQueue() -> AMQPMethod {
        let queue = self.oneOf(Array(Self.queues.prefix(3)))
        let exchange = self.oneOf(Self.exchanges)
        let (key, arguments) = self.binding()
        return self.chance(3)
            ? .queueUnbind(queue, from: exchange, key: key, arguments: arguments)
            : .queueBind(queue, to: exchange, key: key, arguments: arguments)
    }

    private mutating func bindExchange() -> AMQPMethod {
        let destination = self.oneOf(Self.exchanges)
        let source = self.oneOf(Self.exchanges)
        let (key, arguments) = self.binding()
        return self.chance(3)
            ? .exchangeUnbind(destination, from: source, key: key, arguments: arguments)
            : .exchangeBind(destination, to: source, key: key, arguments: arguments)
    }

    private mutating func binding() -> (key: String, arguments: Headers) {
        let patterns = ["a", "b", "a.b", "", "*", "#", "a.*", "a.#", "*.b", "q0"]
        let matches: [Headers] = [
            [:], [:], ["h": 1], ["x-match": "any", "h": 1, "i": 2], ["x-match": "all", "h": 2], ["h": .void],
        ]
        return (self.oneOf(patterns), self.oneOf(matches))
    }

    // MARK: Chance

    private mutating func requeues() -> Bool { self.chance(2) && !self.limitsChannels }

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self.random) }

    private mutating func chance(_ bound: Int) -> Bool { self.below(bound) == 0 }

    private mutating func oneOf<Element>(_ elements: [Element]) -> Element { elements[self.below(elements.count)] }
}
