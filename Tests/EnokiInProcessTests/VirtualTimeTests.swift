import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Testing

/// The in-process broker on a clock that stands still until the test moves it.
@Suite(.timeLimit(.minutes(5))) struct VirtualTimeTests {
    private func withBroker(_ body: (InProcessBroker, VirtualClock) async throws -> Void) async throws {
        let clock = VirtualClock()
        let broker = InProcessBroker(clock: clock)
        try await withTaskExecutorPreference(clock.executor) {
            try await withThrowingTaskGroup { group in
                group.addTask { try await broker.run() }
                try await body(broker, clock)
                group.cancelAll()
            }
        }
    }

    @Test func aMessageExpiresAtItsInstantAndNotBefore() async throws {
        try await self.withBroker { broker, clock in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let options = PublishOptions(expiration: .seconds(30))
            try await broker.publish(Message("x"), to: "", routingKey: "q", options: options)
            await clock.advance(by: .milliseconds(29_999))
            #expect(broker.snapshot()[queue: "q"]?.ready.count == 1)
            await clock.advance(by: .milliseconds(1))
            #expect(broker.snapshot()[queue: "q"]?.ready.count == 0)
        }
    }

    @Test func theHeadExpiresBeforeAMessageBehindItThatIsDueEarlier() async throws {
        try await self.withBroker { broker, clock in
            try await broker.declare(Topology(queues: [Queue("q")]))
            for seconds in [20, 10, 30] {
                let options = PublishOptions(expiration: .seconds(seconds))
                try await broker.publish(Message("\(seconds)"), to: "", routingKey: "q", options: options)
            }
            var counts: [Int?] = []
            for _ in 0..<3 {
                await clock.advance(by: .seconds(10))
                counts.append(broker.snapshot()[queue: "q"]?.ready.count)
            }
            #expect(counts == [3, 1, 0])
        }
    }

    @Test func anUnusedQueueExpiresWithItsMessages() async throws {
        try await self.withBroker { broker, clock in
            let queue = Queue("q", arguments: ["x-expires": 60_000])
            try await broker.declare(Topology(queues: [queue]))
            await clock.advance(by: .seconds(50))
            try await broker.declare(Topology(queues: [queue]))
            await clock.advance(by: .seconds(50))
            let consumer = try await broker.consume("q") { $0.token.settle(.ack) }
            await clock.advance(by: .seconds(500))
            #expect(broker.snapshot()[queue: "q"]?.consumerCount == 1)
            await consumer.close()
            try await broker.publish(Message("x"), to: "", routingKey: "q")
            await clock.advance(by: .milliseconds(59_999))
            #expect(broker.snapshot()[queue: "q"]?.ready.count == 1)
            await clock.advance(by: .milliseconds(1))
            #expect(broker.snapshot()[queue: "q"] == nil)
            #expect(clock.sleeperCount == 0)
        }
    }

    @Test func deletingAQueueTakesItsTimerAlong() async throws {
        try await self.withBroker { broker, clock in
            try await broker.declare(Topology(queues: [Queue("q", arguments: ["x-expires": 60_000])]))
            try await broker.delete(queue: "q")
            try await broker.declare(Topology(queues: [Queue("q")]))
            await clock.advance(by: .seconds(120))
            #expect(broker.snapshot()[queue: "q"] != nil)
        }
    }

    @Test func aRedeliveredMessageKeepsItsExpiry() async throws {
        try await self.withBroker { broker, clock in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q") { deliveries.append($0) }
            let options = PublishOptions(expiration: .seconds(10))
            try await broker.publish(Message("x"), to: "", routingKey: "q", options: options)
            try await deliveries.first()
            await clock.advance(by: .seconds(9))
            await consumer.close()
            #expect(broker.snapshot()[queue: "q"]?.ready.count == 1)
            await clock.advance(by: .seconds(1))
            #expect(broker.snapshot()[queue: "q"]?.ready.count == 0)
        }
    }
}
