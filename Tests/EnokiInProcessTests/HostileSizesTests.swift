import EnokiBroker
import EnokiTestTraits
import Testing

@testable import EnokiInProcess

/// What a client can ask for with a few messages, and what would take minutes or gigabytes if its cost were a product of two
/// things that the client may have as many of as it likes.
@Suite(.ownThread, .serialized, .timeLimit(.minutes(5))) struct HostileSizesTests {
    private static func names(_ count: Int) -> [String] { (0..<count).map { "\($0)" } }

    private static func table(_ count: Int) -> Headers {
        var table = Headers()
        for name in self.names(count) { table.append(name, 1) }
        return table
    }

    private static func deliveries(of host: VirtualHost) -> Int {
        host.takeEffects().events.count { if case .deliver = $0.1 { true } else { false } }
    }

    // MARK: - Routing

    @Test func manyHeadersAreMatchedWithManyArguments() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        _ = try host.declare(Queue("q"), on: channel)
        try host.bind(Binding(from: "amq.headers", toQueue: "q", arguments: Self.table(20_000)), on: channel)
        for table in [Self.table(20_000), Self.table(19_999)] {
            let message = Message("", properties: BasicProperties(headers: table))
            _ = try host.publish(message, exchange: "amq.headers", routingKey: "", mandatory: false, on: channel)
        }
        #expect(host.queue(named: "q")?.ready.count == 1)
    }

    @Test func aQueueWithManyHeadersBindingsIsDeleted() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        for name in ["q", "other"] { _ = try host.declare(Queue(name), on: channel) }
        for name in Self.names(10_000) {
            for queue in ["q", "other"] {
                let binding = Binding(from: "amq.headers", toQueue: queue, arguments: ["n": .string(name)])
                try host.bind(binding, on: channel)
            }
        }
        for queue in ["other", "q"] {
            _ = try host.delete(queue: queue, ifUnused: false, ifEmpty: false, on: channel)
        }
        #expect(host.exchange(named: "amq.headers")?.bindings.isEmpty == true)
    }

    @Test func bindingsThatDifferInTheirKeysAloneGoOneByOne() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        _ = try host.declare(Queue("q"), on: channel)
        let bindings = ["a", "b"].map {
            Binding(from: "amq.headers", toQueue: "q", routingKey: $0, arguments: ["n": 1])
        }
        for binding in bindings { try host.bind(binding, on: channel) }
        let message = Message("", properties: BasicProperties(headers: ["n": 1]))
        for (index, binding) in bindings.enumerated() {
            _ = try host.publish(message, exchange: "amq.headers", routingKey: "", mandatory: false, on: channel)
            #expect(host.queue(named: "q")?.ready.count == index + 1)
            try host.unbind(binding, on: channel)
        }
        _ = try host.publish(message, exchange: "amq.headers", routingKey: "", mandatory: false, on: channel)
        #expect(host.queue(named: "q")?.ready.count == 2)
    }

    @Test(arguments: ["amq.topic", "amq.direct"])
    func manyCopiesGoToManyQueuesOnce(exchange: String) throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        for name in Self.names(2000) {
            _ = try host.declare(Queue(name), on: channel)
            let key = exchange == "amq.topic" ? "#" : "same"
            try host.bind(Binding(from: exchange, toQueue: name, routingKey: key), on: channel)
        }
        // With a direct exchange they are all the same; with a topic exchange they all match the same.
        let keys = Self.names(20_000).map { FieldValue.string(exchange == "amq.topic" ? $0 : "same") }
        let message = Message("", properties: BasicProperties(headers: ["CC": .array(keys)]))
        _ = try host.publish(message, exchange: exchange, routingKey: "same", mandatory: false, on: channel)
        #expect(host.queues.values.allSatisfy { $0.ready.count == 1 })
    }

    // MARK: - Consumers

    @Test func manyConsumersOfAQueueAreCancelledFromTheLast() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        _ = try host.declare(Queue("q"), on: channel)
        let names = Self.names(20_000)
        for name in names { _ = try host.consume(ConsumeRequest(queue: "q", tag: name), on: channel) }
        for name in names.reversed() { host.cancel(name, on: channel) }
        #expect(host.queue(named: "q")?.ring.first == nil)
        #expect(host.queue(named: "q")?.consumers.isEmpty == true)
    }

    @Test func aQueueWithManyConsumersAtTheirLimitsIsDeleted() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        host.qos(prefetch: 1, global: false, on: channel)
        _ = try host.declare(Queue("q"), on: channel)
        let names = Self.names(20_000)
        for name in names { _ = try host.consume(ConsumeRequest(queue: "q", tag: name), on: channel) }
        for name in names { try host.publish(name, to: "q", on: channel) }
        try host.publish("one more", to: "q", on: channel)
        #expect(channel.blocked.count == names.count)
        _ = try host.delete(queue: "q", ifUnused: false, ifEmpty: false, on: channel)
        #expect(channel.blocked.isEmpty)
    }

    // MARK: - Settling

    @Test func whatIsRolledBackIsNotLookedForAmongAllThatEverWas() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        try host.selectTransactions(on: channel)
        _ = try host.declare(Queue("q"), on: channel)
        let publisher = try host.makeChannel()
        try host.publish("first", to: "q", on: publisher)
        #expect(try host.get("q", noAck: false, on: channel)?.deliveryTag == 1)
        for _ in 0..<200_000 { _ = channel.takeTag() }
        try host.publish("last", to: "q", on: publisher)
        let last = try #require(try host.get("q", noAck: false, on: channel)?.deliveryTag)
        for _ in 0..<2000 {
            try host.settle(last, multiple: true, as: .ack, on: channel)
            try host.rollBack(on: channel)
        }
        try host.settle(last, multiple: true, as: .requeue, on: channel)
        try host.commit(on: channel)
        #expect(host.queue(named: "q")?.ready.all.map(\.published.message.text) == ["first", "last"])
    }

    // MARK: - Dead letters

    @Test func forgedDeathsAreLookedThroughOnceForAllQueues() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        let names = Self.names(2000)
        for name in names {
            _ = try host.declare(Queue(name), on: channel)
            try host.bind(Binding(from: "amq.fanout", toQueue: name), on: channel)
        }
        let arguments: Headers = ["x-dead-letter-exchange": "amq.fanout", "x-max-length": 0]
        _ = try host.declare(Queue("start", arguments: arguments), on: channel)
        let deaths = (0..<5000).map { FieldValue.table(["queue": .string("\($0 + 1000)"), "reason": "expired"]) }
        let properties = BasicProperties(headers: ["x-death": .array(deaths)])
        try host.publish("1", to: "start", properties, on: channel)
        _ = host.takeEffects()
        // Half of the queues had it before, or so it says.
        #expect(host.queues.values.count { $0.ready.count == 1 } == 1000)
    }

    @Test func aCircleOfALargeMessageEndsSooner() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        for (name, next) in [("one", "two"), ("two", "one")] {
            let arguments: Headers = [
                "x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(next), "x-max-length": 0,
            ]
            _ = try host.declare(Queue(name, arguments: arguments), on: channel)
        }
        let rejected: FieldValue = ["queue": "else", "reason": "rejected", "count": .int64(1)]
        var headers = Self.table(20_000)
        headers["x-death"] = [rejected]
        try host.publish("round and round", to: "one", BasicProperties(headers: headers), on: channel)
        _ = host.takeEffects()
        #expect(host.pendingDeadLetters.isEmpty)
        #expect((16..<500).contains(host.deadLettered.elements.count))
    }

    @Test func manyLargeDeadLettersGoOnAsFarAsSmallOnes() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        let hops = 8
        _ = try host.declare(Queue("end"), on: channel)
        for hop in 0..<hops {
            let next = hop == 0 ? "end" : "\(hop - 1)"
            let arguments: Headers = [
                "x-dead-letter-exchange": "", "x-max-length": 0, "x-dead-letter-routing-key": .string(next),
            ]
            _ = try host.declare(Queue("\(hop)", arguments: arguments), on: channel)
        }
        let start: Headers = ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string("\(hops - 1)")]
        _ = try host.declare(Queue("start", arguments: start), on: channel)
        let properties = BasicProperties(headers: Self.table(10_000), expiration: .seconds(1))
        for _ in 0..<20 { try host.publish("1", to: "start", properties, on: channel) }
        _ = host.takeEffects()
        host.advance(to: .seconds(1))
        host.wake(try host.requireQueue("start", on: channel).id)
        _ = host.takeEffects()
        #expect(host.queue(named: "end")?.ready.count == 20)
    }

    // MARK: - Memory

    @Test func whatIsRememberedForTestsIsBoundedByItsHeadersToo() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        let message = Message("", properties: BasicProperties(headers: Self.table(10_000)))
        #expect(message.weight > 200_000)
        for _ in 0..<200 {
            _ = try host.publish(message, exchange: "", routingKey: "nobody", mandatory: false, on: channel)
        }
        #expect(host.unroutable.elements.count < 100)
    }

    @Test func directRepliesThatAClientDoesNotReadAreNotKeptWithoutEnd() throws {
        let host = VirtualHost()
        let connection = host.openConnection(name: "test", user: "guest")
        let channel = try #require(host.channels[host.openChannel(on: connection, isPaced: true)])
        var request = ConsumeRequest(queue: "amq.rabbitmq.reply-to", tag: "t")
        request.noAck = true
        _ = try host.consume(request, on: channel)
        let address = try #require(channel.replyConsumer?.address)
        for _ in 0..<(ChannelRecord.unsentReplyLimit + 10) { try host.publish("1", to: address, on: channel) }
        #expect(Self.deliveries(of: host) == ChannelRecord.unsentReplyLimit)
        host.noteSent(ChannelRecord.unsentReplyLimit, on: channel)
        #expect(channel.unsentCount == 0)
        try host.publish("1", to: address, on: channel)
        #expect(Self.deliveries(of: host) == 1)
    }
}

extension VirtualHost {
    fileprivate func publish(
        _ text: String,
        to queue: String,
        _ properties: BasicProperties,
        on channel: ChannelRecord
    ) throws {
        let message = Message(body: Array(text.utf8), properties: properties)
        _ = try self.publish(message, exchange: "", routingKey: queue, mandatory: false, on: channel)
    }
}

extension Message {
    fileprivate var text: String { String(decoding: self.body, as: UTF8.self) }
}
