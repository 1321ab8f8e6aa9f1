import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

/// What becomes of messages that the broker does not take, or does not confirm, in their time.
@Suite(.timeLimit(.minutes(5))) struct PublishDeadlineTests {
    @Test(
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/5068",
            "MassTransit: publishing to a paused broker hangs for two minutes"
        ),
        arguments: TransportServer.allCases
    )
    func withoutAConfirmTheOutcomeIsUnknown(on server: TransportServer) async throws {
        try await server.withProxiedTransport { broker, proxy in
            try await broker.publish(Message("x"), to: "amq.direct", routingKey: "k")
            proxy.filter { $0.method != FaultProxy.Frame.basicAck }
            let error = await brokerError {
                try await broker.publish(
                    Message("x"),
                    to: "amq.direct",
                    routingKey: "k",
                    options: PublishOptions(timeout: .milliseconds(300))
                )
            }
            #expect(error?.code == .outcomeUnknown)
            #expect(error?.publishOutcome == .unknown)
            proxy.filter(nil)
            // The lost confirm is one of the past; later ones are paired all the same.
            try await broker.publish(Message("x"), to: "amq.direct", routingKey: "k")
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aBlockedConnectionMakesMessagesWaitAndDeliveriesGoOn(on server: TransportServer) async throws {
        try await server.withProxiedTransport { broker, proxy in
            let queue = Queue(.unique("blocked"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            for _ in 0..<2 { try await broker.publish(Message("before"), to: "", routingKey: queue.name) }
            proxy.inject(.blocked("low on memory"))
            await broker.reaches { $0 == .blocked(reason: "low on memory") }

            let options = PublishOptions(timeout: .milliseconds(200))
            let error = await brokerError {
                try await broker.publish(Message("never"), to: "", routingKey: queue.name, options: options)
            }
            #expect(error?.code == .notSent)
            #expect(error?.message.contains("low on memory") == true)

            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue.name, options: ConsumerOptions(prefetch: 1)) {
                mailbox.put($0)
            }
            for _ in 0..<2 { try await mailbox.next().token.settle(.ack) }

            async let waiting: Void = broker.publish(Message("after"), to: "", routingKey: queue.name)
            proxy.inject(.unblocked)
            await broker.reaches { $0 == .connected }
            try await waiting
            #expect(try await mailbox.next().message.body == Array("after".utf8))
            await consumer.close()
        }
    }

    @Test(arguments: TransportServer.allCases)
    func whatWaitsForTheBrokerWhenItsTaskIsCancelledIsNeverSent(on server: TransportServer) async throws {
        try await server.withProxiedTransport { broker, proxy in
            let queue = Queue(.unique("cancelled"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            // The connection that publishes has to be there too, to be told.
            await broker.reaches { $0 == .connected }
            proxy.inject(.blocked("low on memory"))
            await broker.reaches { $0 == .blocked(reason: "low on memory") }
            let outcomes = Mailbox<BrokerError.Code?>()
            let options = PublishOptions(timeout: .seconds(3600))
            await withTaskGroup { group in
                for _ in 0..<1000 {
                    group.addTask {
                        do throws(BrokerError) {
                            try await broker.publish(Message("x"), to: "", routingKey: queue.name, options: options)
                            outcomes.put(nil)
                        } catch {
                            outcomes.put(error.code)
                        }
                    }
                }
                // One that is before them and after them, and nobody's who is cancelled.
                broker.publish(Message("kept"), to: "", routingKey: queue.name, options: options) { _ in }
                group.cancelAll()
            }
            for _ in 0..<1000 { #expect(try await outcomes.next() == .notSent) }
            proxy.inject(.unblocked)
            try await eventually("the other one is sent", equals: 1) {
                try await broker.inspect(queue: queue.name).messageCount
            }
            try await broker.publish(Message("after"), to: "", routingKey: queue.name)
            #expect(try await broker.inspect(queue: queue.name).messageCount == 2)
        }
    }

    @Test(
        .bug(
            "https://github.com/alanxz/rabbitmq-c/issues/519",
            "rabbitmq-c: publishing blocks without a limit while the broker reads nothing"
        ),
        .bug("https://github.com/alanxz/rabbitmq-c/issues/780", "rabbitmq-c: publishing blocks where it should not"),
        arguments: TransportServer.allCases
    )
    func whatDoesNotLeaveInTimeIsNeverSent(on server: TransportServer) async throws {
        try await server.withProxiedTransport({ $0.outputBufferLimit = 8 * 1024 * 1024 }) { broker, proxy in
            let queue = Queue(.unique("stalled"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            try await broker.publish(Message("before"), to: "", routingKey: queue.name)
            proxy.muteClient(true)
            let big = Message(body: [UInt8](repeating: 1, count: 1_000_000))
            // The first fill the sockets, others are in the I/O thread's hands, in the outbox, and before it.
            let outcomes = Mailbox<Result<Void, BrokerError>>()
            for _ in 0..<40 {
                broker.publish(big, to: "", routingKey: queue.name, options: PublishOptions(timeout: .seconds(1))) {
                    outcomes.put($0)
                }
            }
            var errors: [BrokerError] = []
            for _ in 0..<40 { if case .failure(let error) = try await outcomes.next() { errors.append(error) } }
            #expect(errors.count == 40)
            let unknown = errors.count { $0.code == .outcomeUnknown }
            #expect(errors.count { $0.code == .notSent } == 40 - unknown)
            #expect(errors.contains { $0.message.contains("many bytes wait") })
            proxy.muteClient(false)
            try await broker.publish(Message("after"), to: "", routingKey: queue.name)
            // "before" and "after", and of the big ones only those whose outcome was called unknown.
            #expect(try await broker.inspect(queue: queue.name).messageCount == 2 + unknown)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func publishersWaitWhileTheBrokerTakesNothingAndGoOnAfterwards(on server: TransportServer) async throws {
        try await server.withProxiedTransport({ $0.outputBufferLimit = 64 * 1024 }) { broker, proxy in
            let queue = Queue(.unique("pressure"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            proxy.muteClient(true)
            let message = Message(body: [UInt8](repeating: 1, count: 100_000))
            try await withThrowingTaskGroup { group in
                for _ in 0..<200 {
                    group.addTask { try await broker.publish(message, to: "", routingKey: queue.name) }
                }
                group.addTask {
                    try await Task.sleep(for: .milliseconds(100))
                    proxy.muteClient(false)
                }
                try await group.waitForAll()
            }
            #expect(try await broker.inspect(queue: queue.name).messageCount == 200)
        }
    }
}
