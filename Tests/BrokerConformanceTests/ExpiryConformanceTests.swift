import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ExpiryConformanceTests {
    @Test(arguments: TestBroker.allCases) func aMessageExpires(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            try await broker.send("short", to: "q", expiration: .milliseconds(50))
            try await broker.send("long", to: "q", expiration: .seconds(60))
            try await broker.expectReady(1, in: "q")
            try await broker.expectContents(["long"], of: "q")
        }
    }

    @Test(arguments: TestBroker.allCases) func aQueueLimitsTheTimeOfItsMessages(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q", arguments: ["x-message-ttl": 50])]))
            try await broker.send("x", to: "q")
            try await broker.send("y", to: "q", expiration: .seconds(60))
            try await broker.expectReady(0, in: "q")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aMessageExpiresAtTheHeadOfItsQueueOnly(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q"), Queue("witness")]))
            try await broker.send("first", to: "q")
            try await broker.send("second", to: "q", expiration: .milliseconds(50))
            try await broker.send("witness", to: "witness", expiration: .milliseconds(150))
            try await broker.expectReady(0, in: "witness")
            #expect(try await broker.inspect(queue: "q").messageCount == 2)
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 1)) {
                deliveries.append($0)
            }
            try await deliveries.first()[0].token.settle(.ack)
            try await broker.expectReady(0, in: "q")
            await consumer.close()
            #expect(deliveries.elements.map(\.text) == ["first"])
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aMessageWithoutTimeReachesOnlyAWaitingConsumer(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            try await broker.send("nobody", to: "q", expiration: .zero)
            try await broker.expectReady(0, in: "q")
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 1)) {
                deliveries.append($0)
            }
            try await broker.send("somebody", to: "q", expiration: .zero)
            #expect(try await deliveries.first().map(\.text) == ["somebody"])
            try await broker.send("full", to: "q", expiration: .zero)
            try await broker.expectReady(0, in: "q")
            await consumer.close()
            #expect(deliveries.count == 1)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aRequeuedMessageKeepsTheTimeThatIsLeft(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q"), Queue("witness")]))
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q") { deliveries.append($0) }
            try await broker.send("x", to: "q", expiration: .milliseconds(50))
            try await deliveries.first()
            try await broker.send("witness", to: "witness", expiration: .milliseconds(150))
            try await broker.expectReady(0, in: "witness")
            deliveries.elements[0].token.settle(.requeue)
            await consumer.close()
            try await broker.expectReady(0, in: "q")
            #expect(deliveries.count == 1)
        }
    }

    @Test(arguments: TestBroker.allCases) func anUnusedQueueExpires(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(
                Topology(
                    exchanges: [Exchange("e", .fanout, autoDelete: true)],
                    // It must not be over before the binding is there.
                    queues: [Queue("q", arguments: ["x-expires": 5000])],
                    bindings: [Binding(from: "e", toQueue: "q")]
                )
            )
            // Asking for it would be using it, so the exchange that goes with it is asked.
            try await eventually("the queue's exchange is gone") {
                do {
                    try await broker.publish(Message("x"), to: "e", routingKey: "")
                    return false
                } catch let error as BrokerError where error.code == .notFound {
                    return true
                }
            }
            await expectError(.notFound) { _ = try await broker.inspect(queue: "q") }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aQueueDoesNotExpireWhileItIsConsumedOrAskedFor(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let queue = Queue("q", arguments: ["x-expires": 10_000])
            try await broker.declare(Topology(queues: [queue, Queue("witness")]))
            let consumer = try await broker.consume("q") { $0.token.settle(.ack) }
            try await broker.send("witness", to: "witness", expiration: .seconds(12))
            try await broker.expectReady(0, in: "witness")
            await consumer.close()
            // The time of an unused queue begins again with each of these.
            try await broker.send("witness", to: "witness", expiration: .seconds(12))
            try await eventually("the witness expires while the queue is asked for") {
                _ = try await broker.inspect(queue: "q")
                return try await broker.inspect(queue: "witness").messageCount == 0
            }
            try await broker.declare(Topology(queues: [queue]))
            #expect(try await broker.inspect(queue: "q").consumerCount == 0)
        }
    }
}
