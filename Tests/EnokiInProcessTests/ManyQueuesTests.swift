import EnokiBroker
import EnokiTestTraits
import Testing

@testable import EnokiInProcess

/// What would take minutes if its cost grew with the square of the queues or the consumers.
@Suite(.ownThread, .serialized, .timeLimit(.minutes(5))) struct ManyQueuesTests {
    private static let count = 10_000

    @Test func aChannelWithDeliveriesOfManyQueuesIsSettledAndClosed() throws {
        let host = VirtualHost()
        let (publisher, channel) = (try host.makeChannel(), try host.makeChannel())
        let names = (0..<Self.count).map { "\($0)" }
        for name in names { _ = try host.declare(Queue(name), on: publisher) }
        let copies = Message("1", properties: BasicProperties(headers: ["CC": .array(names.map { .string($0) })]))
        _ = try host.publish(copies, exchange: "", routingKey: "0", mandatory: true, on: publisher)
        for name in names { _ = try host.get(name, noAck: false, on: channel) }
        try host.settle(0, multiple: true, as: .requeue, on: channel)
        #expect(host.queues.values.allSatisfy { $0.ready.count == 1 })
        for name in names { _ = try host.get(name, noAck: false, on: channel) }
        host.close(channel)
        #expect(host.queues.values.allSatisfy { $0.ready.count == 1 })
    }

    @Test func aGlobalPrefetchLetsManyConsumersGo() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        let names = (0..<Self.count).map { "\($0)" }
        host.qos(prefetch: 1, global: true, on: channel)
        for name in names {
            _ = try host.declare(Queue(name), on: channel)
            _ = try host.consume(ConsumeRequest(queue: name, tag: name), on: channel)
            try host.publish("1", to: name, on: channel)
        }
        #expect(channel.blocked.count == Self.count - 1)
        host.qos(prefetch: 0, global: true, on: channel)
        #expect(channel.blocked.isEmpty)
        #expect(host.queues.values.allSatisfy { $0.unsettledCount == 1 })
    }

    @Test func anAckServesItsConsumerWhateverOthersWaitFor() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        host.qos(prefetch: 1, global: false, on: channel)
        let names = (0..<5000).map { "\($0)" }
        for name in names {
            _ = try host.declare(Queue(name), on: channel)
            _ = try host.consume(ConsumeRequest(queue: name, tag: name), on: channel)
            for text in ["1", "2", "3"] { try host.publish(text, to: name, on: channel) }
        }
        #expect(channel.blocked.count == names.count)
        for _ in 0..<2 {
            for case (_, .deliver(let delivery)) in host.takeEffects().events {
                try host.settle(delivery.deliveryTag, multiple: false, as: .ack, on: channel)
            }
        }
        #expect(host.queues.values.allSatisfy { $0.ready.isEmpty && $0.unsettledCount == 1 })
    }
}
