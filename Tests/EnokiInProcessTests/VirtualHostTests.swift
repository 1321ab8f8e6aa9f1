import EnokiBroker
import Testing

@testable import EnokiInProcess

@Suite(.serialized) struct VirtualHostTests {
    @Test(arguments: 0..<100 as Range<UInt64>) func randomOperationsDoWhatAPlainModelDoes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let host = VirtualHost()
        var model = QueueModel()
        let channel = try host.makeChannel()
        _ = try host.declare(Queue("q"), on: channel)
        var channels: [Int: ChannelRecord] = [:]
        var names: [ChannelID: Int] = [:]
        var tags: [Int: DeliveryTag] = [:]
        var deliveries: [String] = []

        for step in 0..<150 {
            let consumer = model.consumers.randomElement(using: &random)
            let own = consumer.flatMap { channels[$0.name] }
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3:
                _ = try host.publish(Message("\(step)"), exchange: "", routingKey: "q", mandatory: true, on: channel)
                model.publish(step)
            case 3:
                let prefetch = Int.random(in: 1...4, using: &random)
                let new = try host.makeChannel()
                channels[step] = new
                names[new.id] = step
                host.qos(prefetch: prefetch, global: false, on: new)
                _ = try host.consume(ConsumeRequest(queue: "q", tag: "c"), on: new)
                model.consume(step, prefetch: prefetch)
            case 4:
                guard let consumer, let own else { continue }
                host.cancel("c", on: own)
                model.cancel(consumer.name)
            case 5:
                guard let consumer, let own else { continue }
                host.close(own)
                model.close(consumer.name)
            default:
                guard
                    let consumer, let own,
                    let entry = consumer.unsettled.randomElement(using: &random),
                    let tag = tags[entry.number],
                    let answer = [Acknowledgement.ack, .requeue, .reject].randomElement(using: &random)
                else { continue }
                try host.settle(tag, multiple: false, as: Settling(answer), on: own)
                model.settle(consumer.name, entry.number, answer)
            }
            for case (let id, .deliver(let delivery)) in host.takeEffects().events {
                let name = try #require(names[id])
                let number = try #require(Int(delivery.text))
                tags[number] = delivery.deliveryTag
                deliveries.append("\(name) gets \(number)\(delivery.redelivered ? " again" : "")")
            }
            #expect(deliveries == model.deliveries, "after step \(step)")
            let status = try host.declarePassively(queue: "q", on: channel)
            #expect(status.messageCount == model.ready.count)
            #expect(status.consumerCount == model.consumers.count { !$0.isCancelled })
            guard deliveries == model.deliveries else { return }
        }
    }

    @Test func anUnusedQueueAsksForOneWakeUpHoweverOftenItIsUsed() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        _ = try host.declare(Queue("q", arguments: ["x-expires": 1000]), on: channel)
        for second in 1...100 {
            host.advance(to: .milliseconds(second))
            _ = try host.declarePassively(queue: "q", on: channel)
        }
        #expect(host.takeEffects().wakes.map(\.instant) == [.seconds(1)])
        let id = try host.requireQueue("q", on: channel).id
        host.advance(to: .seconds(1))
        host.wake(id)
        #expect(host.takeEffects().wakes.map(\.instant) == [.milliseconds(1100)])
        host.advance(to: .milliseconds(1100))
        host.wake(id)
        #expect(host.queues.isEmpty)
    }

    @Test func nothingIsLeftOfWhatIsDeleted() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        let exchanges = host.exchanges.count
        for kind in [Exchange.Kind.direct, .topic, .fanout, .headers] {
            try host.declare(Exchange("a", kind))
            try host.declare(Exchange("b", .fanout))
            _ = try host.declare(Queue("q"), on: channel)
            try host.bind(Binding(from: "a", toQueue: "q", routingKey: "k"), on: channel)
            try host.bind(Binding(from: "a", to: .exchange("b"), routingKey: "k"), on: channel)
            try host.bind(Binding(from: "b", to: .exchange("a")), on: channel)
            try host.delete(exchange: "a", ifUnused: false)
            #expect(host.exchanges.values.allSatisfy { $0.bindings.isEmpty })
            try host.delete(exchange: "b", ifUnused: false)
            #expect(host.queues.values.allSatisfy { $0.bindings.isEmpty })
            _ = try host.delete(queue: "q", ifUnused: false, ifEmpty: false, on: channel)
        }
        #expect(host.exchanges.count == exchanges)
        #expect(host.bindingsToExchange.isEmpty)
        #expect(host.queueIDs.isEmpty)
    }

    @Test func aHostThatIsTornDownLetsGoOfItsParts() throws {
        weak var queue: QueueRecord?
        weak var channel: ChannelRecord?
        do {
            let host = VirtualHost()
            let first = try host.makeChannel()
            _ = try host.declare(Queue("q"), on: first)
            _ = try host.consume(ConsumeRequest(queue: "q", tag: "c"), on: first)
            _ = try host.publish(Message("x"), exchange: "", routingKey: "q", mandatory: true, on: first)
            queue = host.queue(named: "q")
            channel = first
            host.tearDown()
        }
        #expect(queue == nil)
        #expect(channel == nil)
    }
}

extension VirtualHost {
    /// A channel on a connection of its own.
    func makeChannel() throws -> ChannelRecord {
        let connection = self.openConnection(name: "test", user: "guest")
        return try #require(self.channels[self.openChannel(on: connection)])
    }
}

extension ConsumeRequest {
    init(queue: String, tag: String) {
        self.init(queue: queue)
        self.consumerTag = tag
    }
}

extension BasicDeliver {
    var text: String { String(decoding: self.message.body, as: UTF8.self) }
}

extension Settling {
    init(_ answer: Acknowledgement) {
        self =
            switch answer {
            case .ack: .ack
            case .requeue: .requeue
            case .reject: .reject
            }
    }
}
