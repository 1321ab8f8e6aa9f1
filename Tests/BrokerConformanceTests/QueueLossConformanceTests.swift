import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct QueueLossConformanceTests {
    @Test(arguments: TestBroker.allCases)
    func whoConsumesIsToldWhenTheQueueWasGone(on kind: TestBroker) async throws {
        try await kind.withFixture { fixture in
            let broker = fixture.broker
            let binding = Binding(from: "amq.topic", toQueue: "q", routingKey: "#")
            try await broker.declare(Topology(queues: [Queue("q")], bindings: [binding]))
            let lost = Collector<Bool>()
            let seen = Collector<String>()
            let consumer = try await broker.consume("q", options: ConsumerOptions()) {
                lost.append(true)
            } onDelivery: { delivery in
                seen.append(delivery.text)
                delivery.token.settle(.ack)
            }
            let other = try await fixture.connect()
            for count in 1...2 {
                try await other.delete(queue: "q")
                try await lost.first(count)
                try await eventually("it consumes again") { consumer.isActive }
                try await other.publish(Message("\(count)"), to: "amq.topic", routingKey: "k")
                try await seen.first(count)
                #expect(lost.count == count)
            }
            #expect(seen.elements == ["1", "2"])
        }
    }

    @Test(arguments: TestBroker.allCases)
    func ofAQueueThatOutlivesTheConnectionNothingIsTold(on kind: TestBroker) async throws {
        try await UnconfirmingBroker.with(kind, losingConfirms: 1) { unconfirming in
            let broker = unconfirming.broker
            try await broker.declare(Topology(queues: [Queue("q")]))
            let lost = Collector<Bool>()
            let seen = Collector<String>()
            let consumer = try await broker.consume("q", options: ConsumerOptions()) {
                lost.append(true)
            } onDelivery: { delivery in
                seen.append(delivery.text)
                delivery.token.settle(.ack)
            }
            async let published: Void = broker.publish(Message("x"), to: "", routingKey: "q")
            try await unconfirming.dropConnection(afterLosing: 1)
            try await published
            try await eventually("it consumes again") { consumer.isActive }
            try await seen.first(2)
            #expect(lost.elements.isEmpty)
        }
    }
}
