import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Logging
import Testing

@Suite(.timeLimit(.minutes(2))) struct RabbitMQBrokerTests {
    @Test func whatIsPublishedIsDelivered() async throws {
        try await withRabbitMQ { broker in
            let queue = Queue(.unique("queue"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue.name) { mailbox.put($0) }
            try await broker.publish(Message("hello"), to: "", routingKey: queue.name)
            let delivery = try await mailbox.next()
            #expect(delivery.message.body == Array("hello".utf8))
            #expect(delivery.routingKey == queue.name)
            delivery.token.settle(.ack)
            await consumer.close()
            #expect(try await broker.inspect(queue: queue.name).messageCount == 0)
        }
    }
}
