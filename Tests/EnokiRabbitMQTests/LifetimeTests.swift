import EnokiBroker
import EnokiTestSupport
import Testing

@testable import EnokiRabbitMQ

/// What a transport holds goes with it.
@Suite(.timeLimit(.minutes(1))) struct LifetimeTests {
    private final class Held: Sendable {
        let ends: Latch
        init(_ ends: Latch) { self.ends = ends }
        deinit { self.ends.open() }
    }

    @Test(arguments: TransportServer.allCases)
    func whatAConsumerHoldsGoesWithItsBrokerThoughItWasNeverClosed(_ server: TransportServer) async throws {
        let ends = Latch()
        try await server.withTransport { broker in
            let queue = Queue(.unique("lifetime"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            let held = Held(ends)
            _ = try await broker.consume(queue.name) { delivery in
                withExtendedLifetime(held) { _ = delivery.token.settle(.ack) }
            }
        }
        try await eventually("it is let go") { ends.isOpen }
    }
}
