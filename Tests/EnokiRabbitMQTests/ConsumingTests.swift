import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Logging
import Testing

@Suite(.timeLimit(.minutes(10))) struct ConsumingTests {
    private func withQueue(
        on server: TransportServer,
        _ change: @Sendable (inout RabbitMQConfiguration) -> Void = { _ in },
        messages: Int = 0,
        logger: Logger = .silent,
        _ body: @Sendable (RabbitMQBroker, String) async throws -> Void
    ) async throws {
        try await server.withTransport(change, logger: logger) { broker in
            let queue = Queue(.unique("consume"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            for number in 0..<messages {
                try await broker.publish(Message("\(number)"), to: "", routingKey: queue.name)
            }
            try await body(broker, queue.name)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aDeliveryHasItsEnvelope(on server: TransportServer) async throws {
        try await self.withQueue(on: server) { broker, queue in
            try await broker.declare(
                Topology(bindings: [Binding(from: "amq.topic", toQueue: queue, routingKey: "a.*")])
            )
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue) { mailbox.put($0) }
            #expect(consumer.isActive)
            try await broker.publish(Message("x"), to: "amq.topic", routingKey: "a.b")
            let delivery = try await mailbox.next()
            #expect(delivery.exchange == "amq.topic")
            #expect(delivery.routingKey == "a.b")
            #expect(!delivery.redelivered)
        }
    }

    /// RabbitMQ closes a channel without answering the `basic.consume` before, where the queue has not told it yet what to answer.
    @Test(arguments: TransportServer.allCases)
    func aConsumerThatIsGivenUpWhileItStartsCostsNoConnection(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await self.withQueue(on: server, logger: recorder.logger) { broker, queue in
            await withDiscardingTaskGroup { group in
                for task in 0..<8 {
                    group.addTask {
                        for round in 0..<50 {
                            let starting = Task { try await broker.consume(queue) { $0.token.settle(.requeue) } }
                            // Somewhere between before it is sent and after it is answered.
                            try? await ContinuousClock().sleep(for: .microseconds((task * 50 + round) * 7))
                            starting.cancel()
                            if let consumer = try? await starting.value { await consumer.close() }
                        }
                    }
                }
            }
            // It still works, and is the same connection.
            try await broker.publish(Message("x"), to: "", routingKey: queue)
            let mailbox = Mailbox<Delivery>()
            _ = try await broker.consume(queue) { mailbox.put($0) }
            _ = try await mailbox.next()
        }
        #expect(!recorder.recorded.contains { "\($0)".contains("lost the connection") })
    }

    @Test(arguments: TransportServer.allCases)
    func noMoreThanThePrefetchIsUnsettled(on server: TransportServer) async throws {
        try await self.withQueue(on: server, messages: 10) { broker, queue in
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue, options: ConsumerOptions(prefetch: 3)) { mailbox.put($0) }
            var held: [Delivery] = []
            for _ in 0..<3 { held.append(try await mailbox.next()) }
            #expect(try await broker.inspect(queue: queue).messageCount == 7)
            #expect(mailbox.isEmpty)
            held.removeFirst().token.settle(.ack)
            held.append(try await mailbox.next())
            #expect(held.map(\.message.body) == ["1", "2", "3"].map { Array($0.utf8) })
            await consumer.close()
            // Nine that were not acknowledged, of them three that were delivered.
            try await eventually("nine are there", equals: 9) { try await broker.inspect(queue: queue).messageCount }
        }
    }

    @Test(arguments: TransportServer.allCases)
    func theAnswersMeanWhatTheySay(on server: TransportServer) async throws {
        try await self.withQueue(on: server, messages: 3) { broker, queue in
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue, options: ConsumerOptions(prefetch: 3)) { mailbox.put($0) }
            let deliveries = [try await mailbox.next(), try await mailbox.next(), try await mailbox.next()]
            #expect(deliveries[0].token.settle(.ack))
            #expect(!deliveries[0].token.settle(.requeue))
            deliveries[1].token.settle(.reject)
            deliveries[2].token.settle(.requeue)
            let again = try await mailbox.next()
            #expect(again.message.body == Array("2".utf8))
            #expect(again.redelivered)
            again.token.settle(.ack)
            await consumer.close()
            #expect(try await broker.inspect(queue: queue).messageCount == 0)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aTokenThatIsDroppedGivesItsMessageBack(on server: TransportServer) async throws {
        try await self.withQueue(on: server, messages: 1) { broker, queue in
            let redelivered = Mailbox<Delivery>()
            _ = try await broker.consume(queue) { if $0.redelivered { redelivered.put($0) } }
            try await redelivered.next().token.settle(.ack)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func withAutomaticAcknowledgementNothingIsToBeSettled(on server: TransportServer) async throws {
        try await self.withQueue(on: server, messages: 50) { broker, queue in
            let mailbox = Mailbox<Delivery>()
            let options = ConsumerOptions(prefetch: 1, automaticAcknowledgement: true)
            let consumer = try await broker.consume(queue, options: options) { mailbox.put($0) }
            for _ in 0..<50 { try await mailbox.next().token.settle(.reject) }
            await consumer.close()
            #expect(try await broker.inspect(queue: queue).messageCount == 0)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func afterCancelNothingComesAndWhatCameCanBeSettled(on server: TransportServer) async throws {
        try await self.withQueue(on: server, messages: 1) { broker, queue in
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue) { mailbox.put($0) }
            let delivery = try await mailbox.next()
            await consumer.cancel()
            await consumer.cancel()
            #expect(!consumer.isActive)
            try await broker.publish(Message("later"), to: "", routingKey: queue)
            delivery.token.settle(.ack)
            await consumer.close()
            await consumer.close()
            #expect(mailbox.isEmpty)
            #expect(
                try await broker.inspect(queue: queue) == QueueStatus(name: queue, messageCount: 1, consumerCount: 0)
            )
        }
    }

    @Test(
        .bug(
            "https://github.com/ruby-amqp/amqp/issues/198",
            "ruby-amqp: what is delivered before cancel-ok is dropped and stays unacknowledged"
        ),
        arguments: TransportServer.allCases
    )
    func whatComesDuringACancelIsNotLost(on server: TransportServer) async throws {
        try await self.withQueue(on: server, messages: 1000) { broker, queue in
            let (first, received) = (Mailbox<Void>(), Locked<[Delivery]>([]))
            let consumer = try await broker.consume(queue, options: ConsumerOptions(prefetch: 1000)) { delivery in
                let count = received.withLock { received in
                    received.append(delivery)
                    return received.count
                }
                if count == 1 { first.put(()) }
            }
            try await first.next()
            await consumer.cancel()
            let ready = try await broker.inspect(queue: queue).messageCount
            let held = received.withLock { $0 }
            #expect(held.count + ready == 1000)
            for delivery in held { delivery.token.settle(.ack) }
            await consumer.close()
            #expect(try await broker.inspect(queue: queue).messageCount == ready)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func closeSendsEveryAnswerGivenBefore(on server: TransportServer) async throws {
        try await self.withQueue(on: server, messages: 500) { broker, queue in
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue, options: ConsumerOptions(prefetch: 500)) { mailbox.put($0) }
            for _ in 0..<500 { try await mailbox.next().token.settle(.ack) }
            await consumer.close()
            #expect(try await broker.inspect(queue: queue).messageCount == 0)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aClosedConsumersChannelIsUsedAgain(on server: TransportServer) async throws {
        try await self.withQueue(on: server) { broker, queue in
            // More than the 2047 channels of a connection would allow without.
            for _ in 0..<2100 { await (try await broker.consume(queue) { _ in }).close() }
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aConsumerThatTheBrokerRefusesIsAnError(on server: TransportServer) async throws {
        try await self.withQueue(on: server) { broker, queue in
            let missing = await #expect(throws: BrokerError.self) { try await broker.consume("no-such-queue") { _ in } }
            #expect(missing?.code == .notFound)
            #expect(missing?.message.contains("no-such-queue") == true)
            _ = try await broker.consume(queue, options: ConsumerOptions(exclusive: true)) { _ in }
            let second = await #expect(throws: BrokerError.self) { try await broker.consume(queue) { _ in } }
            #expect(second?.code == .accessRefused)
            for prefetch in [0, -1, 65_536] {
                let error = await #expect(throws: BrokerError.self) {
                    try await broker.consume(queue, options: ConsumerOptions(prefetch: prefetch)) { _ in }
                }
                #expect(error?.code == .invalidArgument)
            }
            // Neither of them harms what works.
            #expect(try await broker.inspect(queue: queue).consumerCount == 1)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func thePriorityOfAConsumerCounts(on server: TransportServer) async throws {
        try await self.withQueue(on: server) { broker, queue in
            let high = Mailbox<Delivery>()
            let low = Mailbox<Delivery>()
            _ = try await broker.consume(queue, options: ConsumerOptions(priority: 1)) { low.put($0) }
            _ = try await broker.consume(queue, options: ConsumerOptions(priority: 9)) { high.put($0) }
            for _ in 0..<5 { try await broker.publish(Message("x"), to: "", routingKey: queue) }
            for _ in 0..<5 { try await high.next().token.settle(.ack) }
            #expect(low.isEmpty)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aMessageThatBreaksABoundIsRejectedAndTheOthersGoOn(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await self.withQueue(on: server, { $0.maxBodySize = 300_000 }, logger: recorder.logger) { broker, queue in
            try await server.withTransport { other in
                // Exclusive queues can still be published to by everybody.
                try await other.publish(
                    Message(body: [UInt8](repeating: 0, count: 300_001)),
                    to: "",
                    routingKey: queue
                )
            }
            try await server.publishDeepHeaders(to: queue)
            try await broker.publish(Message("fine"), to: "", routingKey: queue)
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue, options: ConsumerOptions(prefetch: 1)) { mailbox.put($0) }
            let delivery = try await mailbox.next()
            #expect(delivery.message.body == Array("fine".utf8))
            delivery.token.settle(.ack)
            await consumer.close()
            #expect(try await broker.inspect(queue: queue).messageCount == 0)
        }
        let errors = recorder.recorded.filter { $0.hasPrefix("error") && $0.contains("rejected without requeue") }
        #expect(errors.contains { $0.contains("300001 bytes") })
        #expect(errors.contains { $0.contains("deeper than 32") })
    }

    @Test(arguments: TransportServer.allCases)
    func aMessageThatIsRejectedPutsNothingOfItsOwnIntoTheLog(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await self.withQueue(on: server, { $0.maxBodySize = 10 }, logger: recorder.logger) { broker, queue in
            try await broker.declare(
                Topology(bindings: [Binding(from: "amq.topic", toQueue: queue, routingKey: "\(queue).#")])
            )
            try await server.withTransport { other in
                let key = "\(queue).amqp://user:hunter2@host\nerror: a line of its own"
                try await other.publish(Message("longer than ten"), to: "amq.topic", routingKey: key)
            }
            _ = try await broker.consume(queue) { _ in }
            try await eventually("it was rejected") {
                recorder.recorded.contains { $0.contains("rejected without requeue") }
            }
        }
        let line = recorder.recorded.first { $0.contains("rejected without requeue") }
        #expect(line?.contains("amqp://***@host error: a line of its own") == true, "\(line ?? "")")
    }

    @Test(arguments: TransportServer.allCases)
    func aQueueThatIsDeletedIsDeclaredAndConsumedAgain(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await server.withTransport(logger: recorder.logger) { broker in
            let queue = Queue(.unique("deleted"), durable: false, autoDelete: true)
            let exchange = Exchange(.unique("deleted"), .direct, durable: false, autoDelete: true)
            try await broker.declare(
                Topology(
                    exchanges: [exchange],
                    queues: [queue],
                    bindings: [Binding(from: exchange.name, toQueue: queue.name, routingKey: "k")]
                )
            )
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue.name) { mailbox.put($0) }
            try await server.withTransport { try await $0.delete(queue: queue.name) }
            // The exchange went with its last binding; both come back.
            try await eventually {
                let options = PublishOptions(mandatory: true)
                do {
                    try await broker.publish(Message("x"), to: exchange.name, routingKey: "k", options: options)
                    return true
                } catch {
                    return false
                }
            }
            try await mailbox.next().token.settle(.ack)
            #expect(consumer.isActive)
        }
        #expect(recorder.recorded.contains { $0.hasPrefix("error") && $0.contains("cancelled it") })
    }

    @Test(
        .bug(
            "https://github.com/rabbitmq/rabbitmq-dotnet-client/issues/200",
            ".NET client: a stale acknowledgement closes the recovered channel"
        ),
        .bug(
            "https://github.com/rabbitmq/rabbitmq-java-client/pull/343",
            "Java client: a stale acknowledgement is sent as tag 0, and closes the channel"
        ),
        .bug(
            "https://github.com/rabbitmq/rabbitmq-java-client/issues/395",
            "Java client: a stale acknowledgement of many acknowledges all that are in hand"
        ),
        .bug("https://github.com/nameko/nameko/issues/511", "nameko: a stale acknowledgement ends the service"),
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/2072",
            "MassTransit: an acknowledgement that fails keeps the consumer from coming back"
        ),
        arguments: TransportServer.allCases
    )
    func aStaleDeliveryTagCannotBeSent(on server: TransportServer) async throws {
        try await server.withProxiedTransport { broker, proxy in
            let queue = Queue(.unique("stale"), durable: false)
            try await broker.declare(Topology(queues: [queue]))
            let mailbox = Mailbox<Delivery>()
            _ = try await broker.consume(queue.name) { mailbox.put($0) }
            try await broker.publish(Message("x"), to: "", routingKey: queue.name)
            let first = try await mailbox.next()
            proxy.cut()
            let second = try await mailbox.next()
            #expect(second.redelivered)
            // On the new channel it would be the tag of the second delivery.
            first.token.settle(.ack)
            second.token.settle(.requeue)
            let third = try await mailbox.next()
            third.token.settle(.ack)
            try await broker.delete(queue: queue.name)
        }
    }
}
