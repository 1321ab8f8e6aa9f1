import EnokiBroker
import EnokiTestSupport
import Testing

@testable import EnokiRabbitMQ

/// What somebody has deleted is there again: queues, exchanges, all of it.
@Suite(.timeLimit(.minutes(5))) struct LostTopologyTests {
    @Test(
        .bug(
            "https://github.com/mosquito/aio-pika/issues/334",
            "aio-pika: a consumer that the broker cancels is not restored"
        ),
        .bug(
            "https://github.com/alanxz/rabbitmq-c/issues/870",
            "rabbitmq-c: a consumer whose queue is deleted sees nothing but timeouts"
        ),
        arguments: TransportServer.allCases
    )
    func aQueueThatIsDeletedByOthersIsNamedAndTheStatusSaysSoUntilItIsConsumedAgain(
        on server: TransportServer
    ) async throws {
        let recorder = LogRecorder()
        let settings: @Sendable (inout RabbitMQConfiguration) -> Void = {
            // What is held back below must not cost the connection.
            $0.heartbeat = .seconds(60)
            $0.callTimeout = .seconds(60)
        }
        try await server.withProxiedTransport(settings, logger: recorder.logger) { broker, proxy in
            let queue = Queue(.unique("deleted"), durable: false)
            try await broker.declare(Topology(queues: [queue]))
            let lost = Mailbox<Void>()
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue.name, options: ConsumerOptions()) {
                lost.put(())
            } onDelivery: {
                mailbox.put($0)
            }
            await broker.reaches { $0 == .connected }
            let consumeOk: UInt32 = 60 << 16 | 21
            // It is not consumed again before the status was seen.
            try await proxy.holding(consumeOk) {
                try await server.withTransport { try await $0.delete(queue: queue.name) }
                try await lost.next()
                await broker.reaches {
                    if case .connecting(_, let reason?) = $0 { reason.contains("deleted by someone") } else { false }
                }
                #expect(!consumer.isActive)
            }
            await broker.reaches { $0 == .connected }
            #expect(consumer.isActive)
            try await broker.publish(Message("x"), to: "", routingKey: queue.name)
            try await mailbox.next().token.settle(.ack)
            #expect(lost.isEmpty)
            try await broker.delete(queue: queue.name)
        }
        #expect(recorder.recorded.contains { $0.hasPrefix("error") && $0.contains("queue deleted by someone") })
    }

    @Test(arguments: TransportServer.allCases)
    func aQueueThatWasUsedAsItWasComesBackAsItIsWanted(on server: TransportServer) async throws {
        try await server.withTransport { broker in
            let name = String.unique("existing")
            let wanted = Topology(queues: [Queue(name, arguments: ["x-max-length": 7])])
            try await server.withTransport { try await $0.declare(Topology(queues: [Queue(name)])) }
            #expect(try await broker.declareOrUse(wanted).map(\.argument) == ["x-max-length"])
            let lost = Mailbox<Void>()
            _ = try await broker.consume(name, options: ConsumerOptions()) {
                lost.put(())
            } onDelivery: { _ in
            }
            try await server.withTransport { try await $0.delete(queue: name) }
            try await lost.next()
            try await broker.declare(wanted)
            try await broker.delete(queue: name)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func whetherAQueueWasLostMeanwhileIsToldOnTheNextConnection(on server: TransportServer) async throws {
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly) { broker, proxy in
            let queue = Queue(.unique("watched"), durable: false)
            try await broker.declare(Topology(queues: [queue]))
            let lost = Mailbox<Void>()
            let consumer = try await broker.consume(queue.name, options: ConsumerOptions()) {
                lost.put(())
            } onDelivery: { _ in
            }
            let before = proxy.accepted
            proxy.cut()
            try await eventually { proxy.accepted >= before + 2 }
            await broker.reaches { $0 == .connected }
            #expect(consumer.isActive)
            #expect(lost.isEmpty)
            proxy.stop()
            await broker.reaches { if case .connecting = $0 { true } else { false } }
            try await server.withTransport { try await $0.delete(queue: queue.name) }
            try proxy.listen()
            try await lost.next()
            await broker.reaches { $0 == .connected }
            #expect(consumer.isActive && lost.isEmpty)
            try await broker.delete(queue: queue.name)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func whatIsBeingDeletedIsNotRestoredBehindItsDeletion(on server: TransportServer) async throws {
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly) { broker, proxy in
            let (kept, deleted) = (Queue(.unique("kept")), Queue(.unique("deleted")))
            let binding = Binding(from: "amq.topic", toQueue: deleted.name, routingKey: "#")
            try await broker.declare(Topology(queues: [kept, deleted], bindings: [binding]))
            let consumer = try await broker.consume(kept.name) { $0.token.settle(.ack) }
            try await server.withTransport { other in
                // What the transport sends waits before the broker, the deletion first.
                proxy.muteClient(true)
                async let deletion: Void = broker.delete(queue: deleted.name)
                try await eventually("the deletion is sent") {
                    broker.consumers.state.withLock { !$0.deletions.isEmpty }
                }
                try await other.delete(queue: kept.name)
                try await eventually("all is being restored") { !consumer.isActive && broker.status != .connected }
                proxy.muteClient(false)
                try await deletion
                await broker.reaches { $0 == .connected }
                #expect(try await other.inspect(queue: kept.name).consumerCount == 1)
                let error = await #expect(throws: BrokerError.self) { try await other.inspect(queue: deleted.name) }
                #expect(error?.code == .notFound)
            }
            await consumer.close()
            try await broker.delete(queue: kept.name)
        }
    }

    /// `enoki.retry.1000` without its dead-letter exchange would take messages and drop them.
    @Test(arguments: TransportServer.allCases)
    func whatIsThereOtherwiseOnTheNextConnectionIsAnErrorInTheLog(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly, logger: recorder.logger) { broker, proxy in
            let queue = Queue(.unique("changed"), arguments: ["x-dead-letter-exchange": "amq.fanout"])
            let used = Queue(.unique("used"), arguments: ["x-max-length": 7])
            try await server.withTransport { other in
                try await other.declare(Topology(queues: [Queue(used.name)]))
                try await broker.declare(Topology(queues: [queue]))
                #expect(try await broker.declareOrUse(Topology(queues: [used])).count == 1)
                proxy.stop()
                await broker.reaches { if case .connecting = $0 { true } else { false } }
                try await other.delete(queue: queue.name)
                try await other.declare(Topology(queues: [Queue(queue.name)]))
                try proxy.listen()
                // Not the status: it is that of before, where the connection that consumes has not yet noticed that it is lost.
                try await eventually("both are told of") {
                    let lines = recorder.recorded.filter { $0.contains("restoring the topology") }
                    return [queue, used].allSatisfy { queue in lines.contains { $0.contains(queue.name) } }
                }
                await broker.reaches { $0 == .connected }
                let lines = recorder.recorded.filter { $0.contains("restoring the topology") }
                #expect(lines.first { $0.contains(queue.name) }?.hasPrefix("error") == true)
                // What was used as it was is so still.
                #expect(lines.first { $0.contains(used.name) }?.hasPrefix("info") == true)
                for name in [queue.name, used.name] { try await other.delete(queue: name) }
            }
        }
    }

    /// As after the loss of a broker's disk.
    @Test(arguments: TransportServer.allCases)
    func anEmptyBrokerGetsTheWholeTopologyBeforeWhatWaits(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly, logger: recorder.logger) { broker, proxy in
            let queue = Queue(.unique("wiped"), durable: true)
            let exchange = Exchange(.unique("wiped"), .topic, durable: true)
            let binding = Binding(from: exchange.name, toQueue: queue.name, routingKey: "#")
            try await broker.declare(Topology(exchanges: [exchange], queues: [queue], bindings: [binding]))
            let mailbox = Mailbox<Delivery>()
            _ = try await broker.consume(queue.name) { mailbox.put($0) }
            proxy.filter { $0.method != FaultProxy.Frame.basicAck }
            let outcomes = Mailbox<Result<Void, BrokerError>>()
            let mandatory = PublishOptions(mandatory: true)
            broker.publish(Message("unconfirmed"), to: exchange.name, routingKey: "k", options: mandatory) {
                outcomes.put($0)
            }
            _ = try await mailbox.next()
            proxy.stop()
            proxy.filter(nil)
            for name in ["publishing", "consuming"] {
                try await eventually("the \(name) connection is lost") {
                    recorder.recorded.contains { $0.contains("lost the connection") && $0.contains(name) }
                }
            }
            broker.publish(Message("waiting"), to: exchange.name, routingKey: "k", options: mandatory) {
                outcomes.put($0)
            }
            try await server.withTransport { other in
                try await other.delete(queue: queue.name)
                try await other.delete(exchange: exchange.name)
            }
            try proxy.listen()
            for _ in 0..<2 { try await outcomes.next().get() }
            // The first may come again: nobody says that the connection lives until it is acknowledged.
            var texts: [String] = []
            while texts.last != "waiting" {
                let delivery = try await mailbox.next()
                texts.append(String(decoding: delivery.message.body, as: UTF8.self))
                delivery.token.settle(.ack)
            }
            #expect(texts.count > 1 && texts.dropLast().allSatisfy { $0 == "unconfirmed" })
            try await broker.delete(queue: queue.name)
            try await broker.delete(exchange: exchange.name)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func anExchangeThatIsDeletedByOthersFailsOneMessageAndIsDeclaredAgain(on server: TransportServer) async throws {
        try await server.withTransport { broker in
            let queue = Queue(.unique("bound"), exclusive: true)
            let exchange = Exchange(.unique("deleted"), .topic)
            let binding = Binding(from: exchange.name, toQueue: queue.name, routingKey: "#")
            try await broker.declare(Topology(exchanges: [exchange], queues: [queue], bindings: [binding]))
            try await server.withTransport { try await $0.delete(exchange: exchange.name) }
            let mandatory = PublishOptions(mandatory: true)
            let error = await #expect(throws: BrokerError.self) {
                try await broker.publish(Message("first"), to: exchange.name, routingKey: "k", options: mandatory)
            }
            #expect(error?.code == .notFound)
            try await broker.publish(Message("second"), to: exchange.name, routingKey: "k", options: mandatory)
            #expect(try await broker.inspect(queue: queue.name).messageCount == 1)
            await broker.reaches { $0 == .connected }
            try await broker.delete(exchange: exchange.name)
        }
    }
}
