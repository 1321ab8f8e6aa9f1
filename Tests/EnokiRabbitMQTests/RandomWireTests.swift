import EnokiAMQP
import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

/// The transport on a wire to which anything may happen, by a seed.
@Suite(.timeLimit(.minutes(5))) struct RandomWireTests {
    @Test(arguments: 0..<16 as Range<UInt64>)
    func nothingConfirmedIsLostWhateverHappensToTheWire(seed: UInt64) async throws {
        let kinds: WireFaultPlan.Kind = [
            .passing, .wrongSizes, .losses, .duplicates, .silences, .blackholes, .stoppedHeartbeats, .throttles,
            .blockedPublishers,
        ]
        try await HostilePeer.withTransport(.random(seed: seed, rate: 0.02, kinds: kinds)) { broker, port in
            do {
                try await HostilePeer.expectWork(broker, messages: 30)
            } catch {
                Issue.record(error, "\(port.faults)")
            }
        }
    }

    @Test(arguments: 0..<16 as Range<UInt64>)
    func everythingEndsWhateverHappensToTheWire(seed: UInt64) async throws {
        try await HostilePeer.withTransport(.random(seed: seed, rate: 0.05, kinds: .all)) { broker, _ in
            let outcomes = Mailbox<Result<Void, BrokerError>>()
            let options = PublishOptions(timeout: .seconds(2))
            _ = try? await broker.declare(Topology(queues: [Queue("q")]))
            _ = try? await broker.consume("q") { $0.token.settle(.ack) }
            for number in 0..<50 {
                broker.publish(Message("\(number)"), to: "", routingKey: "q", options: options) { outcomes.put($0) }
                _ = try? await broker.inspect(queue: "q")
            }
            for _ in 0..<50 { _ = try await outcomes.next() }
        }
    }
}
