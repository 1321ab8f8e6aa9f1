import EnokiBroker
import EnokiTestSupport
import Testing

@testable import EnokiRabbitMQ

@Suite(.timeLimit(.minutes(5))) struct RecoveryTests {
    @Test(
        .bug(
            "https://github.com/spring-projects/spring-amqp/issues/823",
            "Spring AMQP: listeners do not consume after a reset"
        ),
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/1104",
            "MassTransit: nothing is delivered after a restart of the broker"
        ),
        arguments: TransportServer.allCases
    )
    func whatWasDeclaredAndConsumedIsThereAgain(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly, logger: recorder.logger) { broker, proxy in
            // Exclusive: it goes with its connection.
            let queue = Queue(.unique("recovered"), durable: false, exclusive: true)
            let deleted = Queue(.unique("deleted"), durable: false, exclusive: true)
            let exchange = Exchange(.unique("recovered"), .topic, durable: false, autoDelete: true)
            let binding = Binding(from: exchange.name, toQueue: queue.name, routingKey: "yes.*")
            let unbound = Binding(from: exchange.name, toQueue: queue.name, routingKey: "no.*")
            try await broker.declare(
                Topology(exchanges: [exchange], queues: [queue, deleted], bindings: [binding, unbound])
            )
            try await broker.unbind(unbound)
            try await broker.delete(queue: deleted.name)
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue.name) { mailbox.put($0) }
            for round in 0..<3 {
                let before = proxy.accepted
                proxy.cut()
                try await eventually { proxy.accepted >= before + 2 }
                await broker.reaches { $0 == .connected }
                #expect(consumer.isActive)
                try await broker.publish(Message("no"), to: exchange.name, routingKey: "no.\(round)")
                try await broker.publish(Message("\(round)"), to: exchange.name, routingKey: "yes.\(round)")
                let delivery = try await mailbox.next()
                #expect(delivery.message.body == Array("\(round)".utf8))
                delivery.token.settle(.ack)
                let gone = await #expect(throws: BrokerError.self) { try await broker.inspect(queue: deleted.name) }
                #expect(gone?.code == .notFound)
            }
            #expect(mailbox.isEmpty)
        }
        #expect(
            recorder.recorded.contains { $0.hasPrefix("warning: lost the connection") && $0.contains("127.0.0.1:") }
        )
        #expect(!recorder.recorded.contains { $0.contains("guest:guest") })
    }

    @Test(
        .bug(
            "https://github.com/nameko/nameko/issues/359",
            "nameko: its own reply queue is still locked by the connection before"
        ),
        .bug(
            "https://github.com/rabbitmq/rabbitmq-amqp-java-client/issues/398",
            "AMQP 1.0 Java client: recovery fails at a queue that is still locked"
        ),
        arguments: TransportServer.allCases
    )
    func itIsNotConnectedWhileAQueueOfItsOwnIsStillLocked(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly, logger: recorder.logger) { broker, proxy in
            let queue = Queue(.unique("locked"), durable: false, exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue.name) { mailbox.put($0) }
            proxy.stop()
            await broker.reaches { if case .connecting = $0 { true } else { false } }
            // As if the broker had not noticed yet that the old connection is gone.
            try await server.withTransport { former in
                try await eventually("the queue is free") {
                    do {
                        try await former.declare(Topology(queues: [queue]))
                        return true
                    } catch {
                        return false
                    }
                }
                try proxy.listen()
                try await eventually("it tries") { recorder.recorded.contains { $0.contains("RESOURCE_LOCKED") } }
                #expect(broker.status != .connected)
                try await former.delete(queue: queue.name)
            }
            await broker.reaches { $0 == .connected }
            #expect(consumer.isActive)
            try await broker.publish(Message("back"), to: "", routingKey: queue.name)
            #expect(try await mailbox.next().message.body == Array("back".utf8))
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aDeliveryKnowsThatItsConnectionIsLost(on server: TransportServer) async throws {
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly) { broker, proxy in
            let queue = Queue(.unique("held"))
            try await broker.declare(Topology(queues: [queue]))
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue.name) { mailbox.put($0) }
            try await broker.publish(Message("x"), to: "", routingKey: queue.name)
            let lost = try await mailbox.next()
            #expect(lost.token.loss == nil)
            proxy.cut()
            let again = try await mailbox.next()
            #expect(lost.token.loss == .uncertain)
            #expect(again.token.loss == nil)
            again.token.settle(.ack)
            await consumer.close()
            try await broker.delete(queue: queue.name)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aDeliveryKnowsThatItsQueueIsLost(on server: TransportServer) async throws {
        try await server.withTransport { broker in
            let queue = Queue(.unique("deleted"))
            try await broker.declare(Topology(queues: [queue]))
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue.name) { mailbox.put($0) }
            try await broker.publish(Message("x"), to: "", routingKey: queue.name)
            let lost = try await mailbox.next()
            try await server.withTransport { other in try await other.delete(queue: queue.name) }
            try await eventually("the consumer is served no longer") { lost.token.loss != nil }
            #expect(lost.token.loss == .uncertain)
            await consumer.close()
            try await broker.delete(queue: queue.name)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aCancelledConsumerStaysCancelled(on server: TransportServer) async throws {
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly) { broker, proxy in
            let queue = Queue(.unique("cancelled"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            let consumer = try await broker.consume(queue.name) { _ in }
            await consumer.cancel()
            let before = proxy.accepted
            proxy.cut()
            try await eventually { proxy.accepted >= before + 2 }
            await broker.reaches { $0 == .connected }
            #expect(try await broker.inspect(queue: queue.name).consumerCount == 0)
            await consumer.close()
        }
    }

    @Test(arguments: TransportServer.allCases)
    func cancellingWithoutAConnectionEndsAtOnce(on server: TransportServer) async throws {
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly) { broker, proxy in
            let queue = Queue(.unique("away"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            let consumer = try await broker.consume(queue.name) { _ in }
            proxy.stop()
            await broker.reaches { if case .connecting = $0 { true } else { false } }
            await consumer.close()
            #expect(!consumer.isActive)
            try proxy.listen()
            #expect(try await broker.inspect(queue: queue.name).consumerCount == 0)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func nothingConfirmedIsLostAndNothingUnacknowledgedThroughManyCuts(on server: TransportServer) async throws {
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly) { broker, proxy in
            let queue = Queue(.unique("ledger"), durable: true)
            try await broker.declare(Topology(queues: [queue]))
            let handled = Locked<Set<[UInt8]>>([])
            let consumer = try await broker.consume(queue.name) { delivery in
                handled.withLock { _ = $0.insert(delivery.message.body) }
                delivery.token.settle(.ack)
            }
            let confirmed = try await withThrowingTaskGroup(of: [[UInt8]].self) { group in
                for task in 0..<8 {
                    group.addTask {
                        var confirmed: [[UInt8]] = []
                        for number in 0..<300 {
                            let body = Array("\(task)-\(number)".utf8)
                            do throws(BrokerError) {
                                try await broker.publish(Message(body: body), to: "", routingKey: queue.name)
                                confirmed.append(body)
                            } catch {
                                #expect(error.code == .outcomeUnknown, "\(error)")
                            }
                        }
                        return confirmed
                    }
                }
                group.addTask {
                    for _ in 0..<10 {
                        try await Task.sleep(for: .milliseconds(60))
                        proxy.cut()
                    }
                    return []
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(!confirmed.isEmpty)
            try await eventually { handled.withLock { $0.isSuperset(of: confirmed) } }
            await consumer.close()
            try await broker.delete(queue: queue.name)
        }
    }

    @Test(
        .bug(
            "https://github.com/nameko/nameko/blob/v2.14.1/test/test_messaging.py#L648",
            "nameko: a consumer of messages hangs when its broker falls silent"
        ),
        .bug(
            "https://github.com/nameko/nameko/blob/v2.14.1/test/test_rpc.py#L899",
            "nameko: a listener for replies hangs when its broker falls silent"
        ),
        .bug(
            "https://github.com/nameko/nameko/blob/v2.14.1/test/test_rpc.py#L1096",
            "nameko: a consumer of requests hangs when its broker falls silent"
        ),
        .bug(
            "https://github.com/mosquito/aio-pika/issues/588",
            "aio-pika: a connection that was stuck is not restored"
        ),
        .bug(
            "https://github.com/mosquito/aio-pika/issues/563",
            "aio-pika: a consumer does not come back when its connection was stuck"
        ),
        .bug("https://github.com/celery/celery/issues/2312", "celery: a worker hangs as long as its broker does"),
        .bug(
            "https://github.com/alanxz/rabbitmq-c/issues/700",
            "rabbitmq-c: a call hangs as long as the broker is silent"
        ),
        arguments: TransportServer.allCases
    )
    func aSilentBrokerIsNoticedWithinTwoHeartbeats(on server: TransportServer) async throws {
        let heartbeat = Duration.seconds(4)
        try await server.withProxiedTransport({
            RabbitMQConfiguration.quickly(&$0)
            $0.heartbeat = heartbeat
        }) { broker, proxy in
            await broker.reaches { $0 == .connected }
            let queue = Queue(.unique("silent"))
            try await broker.declare(Topology(queues: [queue]))
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue.name) { mailbox.put($0) }
            let start = ContinuousClock.now
            proxy.muteBroker(true)
            let isNoticed = await withTaskGroup { group in
                group.addTask {
                    await broker.reaches { if case .connecting = $0 { true } else { false } }
                    return true
                }
                // A machine that is slow is late for this one too.
                group.addTask {
                    try? await Task.sleep(for: heartbeat * 5)
                    return false
                }
                defer { group.cancelAll() }
                return await group.next() ?? false
            }
            #expect(isNoticed, "five heartbeats have passed")
            #expect(ContinuousClock.now - start >= heartbeat * 0.9)
            await broker.reaches { if case .connecting = $0 { true } else { false } }
            guard case .connecting(_, let reason?) = broker.status else {
                Issue.record("\(broker.status)")
                return
            }
            #expect(reason.contains("silent"))
            proxy.muteBroker(false)
            proxy.cut()
            await broker.reaches { $0 == .connected }
            try await broker.publish(Message("again"), to: "", routingKey: queue.name)
            let delivery = try await mailbox.next()
            #expect(delivery.message.body == Array("again".utf8))
            delivery.token.settle(.ack)
            await consumer.close()
            try await broker.delete(queue: queue.name)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aConnectionThatIsLostWhileItIsBlockedIsNotBlockedWhenItIsBack(on server: TransportServer) async throws {
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly) { broker, proxy in
            let queue = Queue(.unique("blocked"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            // The connection that publishes has to be there too, to be told.
            await broker.reaches { $0 == .connected }
            proxy.inject(.blocked("low on memory"))
            await broker.reaches { $0 == .blocked(reason: "low on memory") }
            let before = proxy.accepted
            proxy.cut()
            try await eventually { proxy.accepted >= before + 2 }
            await broker.reaches { $0 == .connected }
            // The broker says nothing of it any more.
            try await broker.publish(Message("x"), to: "", routingKey: queue.name)
            #expect(broker.status == .connected)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aConsumerThatNobodyServesCostsTheConnection(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await server.withPort {
            try await withTransportBroker(
                to: server.uri,
                RabbitMQConfiguration.quickly,
                logger: recorder.logger,
                // So long that it has not seen to it before this test has looked.
                watchInterval: .seconds(4)
            ) { broker in
                let queue = Queue(.unique("forgotten"))
                try await broker.declare(Topology(queues: [queue]))
                let mailbox = Mailbox<Delivery>()
                let consumer = try await broker.consume(queue.name) { mailbox.put($0) }
                let session = try #require(broker.consumers.state.withLock { $0.session })
                // 1 is for the topology. Of this one's end nobody is told who would open another.
                session.close(try #require(session.channel(2)), deadline: .now + .seconds(10))
                #expect(!consumer.isActive)
                try await eventually("it is served again") { consumer.isActive }
                try await broker.publish(Message("x"), to: "", routingKey: queue.name)
                try await mailbox.next().token.settle(.ack)
                await consumer.close()
                try await broker.delete(queue: queue.name)
            }
        }
        #expect(recorder.recorded.contains { $0.contains("recovery is stuck: queue 'forgotten-") })
        #expect(recorder.recorded.filter { $0.contains("connected to RabbitMQ") }.count == 3)
    }

    @Test(arguments: TransportServer.allCases)
    func anIdleConnectionLives(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await server.withTransport({ $0.heartbeat = .seconds(4) }, logger: recorder.logger) { broker in
            let queue = Queue(.unique("idle"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            // RabbitMQ closes a connection that is silent for two heartbeats; so would we.
            try await Task.sleep(for: .seconds(16))
            #expect(try await broker.inspect(queue: queue.name).messageCount == 0)
        }
        #expect(!recorder.recorded.contains { $0.contains("lost the connection") })
    }

    @Test(arguments: TransportServer.allCases)
    func anOperatorWhoClosesTheConnectionsIsNamed(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly, logger: recorder.logger) { broker, proxy in
            let queue = Queue(.unique("operator"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            // The connection that publishes has to be there too, to be closed.
            await broker.reaches { $0 == .connected }
            // connection.close with 320, as `rabbitmqctl close_all_connections` makes the broker say it.
            let text = Array("CONNECTION_FORCED - because".utf8)
            let payload: [UInt8] = [0, 10, 0, 50, 1, 0x40, UInt8(text.count)] + text + [0, 0, 0, 0]
            proxy.inject(.init(type: 1, channel: 0, payload: payload))
            try await eventually { proxy.accepted >= 4 }
            await broker.reaches { $0 == .connected }
            _ = try await broker.inspect(queue: queue.name)
        }
        #expect(recorder.recorded.contains { $0.contains("320 CONNECTION_FORCED - because") })
    }
}
