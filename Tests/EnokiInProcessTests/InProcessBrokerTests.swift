import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Testing

@Suite struct InProcessBrokerTests {
    /// Runs `body` with a broker that runs.
    private func withBroker(
        clock: some Clock<Duration> = ContinuousClock(),
        _ body: (InProcessBroker) async throws -> Void
    ) async throws {
        let broker = InProcessBroker(clock: clock)
        try await withThrowingTaskGroup { group in
            group.addTask { try await broker.run() }
            try await body(broker)
            group.cancelAll()
        }
    }

    @Test func deliversWhatWasPublishedInOrder() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let (stream, continuation) = AsyncStream.makeStream(of: String.self)
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 2)) { delivery in
                continuation.yield(String(decoding: delivery.message.body, as: UTF8.self))
                delivery.token.settle(.ack)
            }
            for number in 0..<1000 { try await broker.publish(Message("\(number)"), to: "", routingKey: "q") }
            var received: [String] = []
            for await body in stream.prefix(1000) { received.append(body) }
            #expect(received == (0..<1000).map(String.init))
            await consumer.close()
            #expect(broker.snapshot()[queue: "q"]?.ready.count == 0)
        }
    }

    @Test func aHandlerMayPublishAndSettleWithoutEnd() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("ping"), Queue("pong")]))
            let done = Latch()
            for (queue, other) in [("ping", "pong"), ("pong", "ping")] {
                _ = try await broker.consume(queue, options: ConsumerOptions(prefetch: 1)) { delivery in
                    let count = delivery.message.body.count
                    guard count < 2000 else { return done.open() }
                    let next = Message(body: Array(repeating: 0, count: count + 1))
                    broker.publish(next, to: "", routingKey: other, options: PublishOptions()) { _ in
                        delivery.token.settle(.ack)
                    }
                }
            }
            try await broker.publish(Message(""), to: "", routingKey: "ping")
            await done.wait()
        }
    }

    @Test func aCompletionMayPublishWithoutEnd() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
                @Sendable func publish(_ number: Int) {
                    guard number < 20_000 else { return done.resume() }
                    broker.publish(Message(""), to: "", routingKey: "q", options: PublishOptions()) { _ in
                        publish(number + 1)
                    }
                }
                publish(0)
            }
            #expect(try await broker.inspect(queue: "q").messageCount == 20_000)
        }
    }

    @Test func callsAfterTheRunSayThatItIsClosed() async throws {
        let broker = InProcessBroker()
        let other = broker.connect(name: "other")
        try await withThrowingTaskGroup { group in
            group.addTask { try await broker.run() }
            try await broker.declare(Topology(queues: [Queue("q")]))
            group.cancelAll()
        }
        #expect(broker.status == .closed)
        #expect(other.status == .closed)
        #expect(broker.connect(name: "late").status == .closed)
        for connection in [broker, other, broker.connect(name: "later")] as [any Broker] {
            let error = await #expect(throws: BrokerError.self) { try await connection.inspect(queue: "q") }
            #expect(error?.code == .closed)
        }
        let error = await #expect(throws: BrokerError.self) { try await broker.run() }
        #expect(error?.code == .closed)
    }
}
