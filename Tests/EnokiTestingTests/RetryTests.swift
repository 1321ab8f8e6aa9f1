import EnokiTesting
import Testing

/// Delays of the broker under the test's clock: what would take seconds takes none.
@Suite(.timeLimit(.minutes(5))) struct RetryTests {
    /// Queue `work` with a queue for each delay, from which messages come back, and `dead` for those that have been through all.
    private static let topology = Topology(
        queues: [Queue("work"), Queue("dead")]
            + [1, 2, 4].map { seconds in
                Queue(
                    "retry-\(seconds)",
                    arguments: [
                        "x-message-ttl": .integer(seconds * 1000), "x-dead-letter-exchange": "",
                        "x-dead-letter-routing-key": "work",
                    ]
                )
            }
    )

    @Test func aMessageIsRetriedAfterOneTwoAndFourSecondsAndThenDeadLettered() async throws {
        try await withServices(Shop.Payments()) { cluster in
            let broker = cluster.broker
            let clock = cluster.clock
            try await broker.declare(Self.topology)
            let attempts = Locked<[Duration]>([])
            _ = try await broker.consume("work") { delivery in
                let number = attempts.withLock { attempts in
                    attempts.append(clock.now.offset)
                    return attempts.count
                }
                let next = number <= 3 ? "retry-\(1 << (number - 1))" : "dead"
                // The copy is confirmed before the original is settled.
                broker.publish(delivery.message, to: "", routingKey: next, options: PublishOptions()) { _ in
                    delivery.token.settle(.ack)
                }
            }
            try await broker.publish(Message("x"), to: "", routingKey: "work")
            await clock.advance(by: .seconds(60))
            #expect(attempts.withLock { $0 } == [.zero, .seconds(1), .seconds(3), .seconds(7)])
            let dead = try #require(try await cluster.takeMessage(from: "dead"))
            let deaths = try #require(dead.properties.headers["x-death"]?.arrayValue)
            let queues = deaths.compactMap { $0.tableValue?["queue"]?.stringValue }
            #expect(Set(queues) == ["retry-1", "retry-2", "retry-4"])
            #expect(try cluster.snapshot().deadLetters.map(\.queue) == ["retry-1", "retry-2", "retry-4"])
        }
    }
}
