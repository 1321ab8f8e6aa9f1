import EnokiBroker
import EnokiTestSupport
import Testing

struct RabbitMQVirtualHostTests {
    @Test func showsQueuesBindingsAndConsumersAsDeclared() async throws {
        try await TestBroker.rabbitMQ.withFixture { fixture in
            let host = try #require(fixture.virtualHost)
            let topology = Topology(
                exchanges: [Exchange("e", .topic)],
                queues: [Queue("a#/b é", autoDelete: true, arguments: ["x-expires": 300_000])],
                bindings: [Binding(from: "e", toQueue: "a#/b é", routingKey: "x.*")]
            )
            try await fixture.broker.declare(topology)
            try await fixture.broker.publish(Message("1"), to: "", routingKey: "a#/b é")
            let queue = try #require(try await host.queue("a#/b é"))
            #expect(queue.durable && queue.autoDelete && !queue.exclusive)
            #expect(queue.arguments == ["x-expires": "300000"])
            try await eventually("the message is counted", equals: 1) { try await host.queue("a#/b é")?.messagesReady }
            #expect(try await host.exchanges().map(\.type) == ["topic"])
            #expect(try await host.bindings().map(\.routingKey) == ["x.*"])

            let tokens = Collector<DeliveryToken>()
            let options = ConsumerOptions(prefetch: 3)
            let consumer = try await fixture.broker.consume("a#/b é", options: options) { tokens.append($0.token) }
            try await tokens.first()
            try await eventually("the message is out", equals: 1) {
                try await host.queue("a#/b é")?.messagesUnacknowledged
            }
            try await eventually("the consumer is listed", equals: [3]) {
                try await host.consumers().map(\.prefetchCount)
            }
            await consumer.close()
            try await host.delete(queue: "a#/b é")
            #expect(try await host.queues().isEmpty)
        }
    }

    @Test func closesAConnectionAsAnOperatorWould() async throws {
        try await TestBroker.rabbitMQ.withFixture { fixture in
            let host = try #require(fixture.virtualHost)
            let before = try await eventually("both connections are listed") {
                try await host.connections()
            } until: {
                $0.count == 2
            }
            for connection in before { try await host.close(connection, reason: "test") }
            try await eventually("new connections have taken their place") {
                let names = Set(try await host.connections().map(\.name))
                return names.count == 2 && names.isDisjoint(with: before.map(\.name))
            }
        }
    }
}
