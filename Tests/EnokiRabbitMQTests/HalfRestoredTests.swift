import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import EnokiTestTraits
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Never connected but half restored.
@Suite(.timeLimit(.minutes(10))) struct HalfRestoredTests {
    @Test(
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/6095",
            "MassTransit: healthy, and consumers are missing"
        ),
        arguments: TransportServer.allCases
    )
    func itIsNotConnectedWhileAConsumerIsRefused(on server: TransportServer) async throws {
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly) { broker, proxy in
            let queue = Queue(.unique("taken"), durable: false)
            try await broker.declare(Topology(queues: [queue]))
            let consumer = try await broker.consume(queue.name) { $0.token.settle(.ack) }
            proxy.stop()
            await broker.reaches { if case .connecting = $0 { true } else { false } }
            try await server.withTransport { rival in
                // The broker may not have noticed yet that the other one is gone.
                let alone = Locked<(any Consumer)?>(nil)
                try await EnokiTestSupport.eventually("the queue is free") {
                    let consumer = try await rival.consume(queue.name, options: ConsumerOptions(exclusive: true)) { _ in
                    }
                    alone.withLock { $0 = consumer }
                    return true
                }
                try proxy.listen()
                await broker.reaches {
                    guard case .connecting(_, let reason?) = $0 else { return false }
                    return reason.contains("'\(queue.name)' is not consumed")
                }
                #expect(!consumer.isActive)
                // The rest works.
                try await broker.publish(Message("x"), to: "", routingKey: queue.name)
                await alone.withLock { $0 }?.close()
            }
            await broker.reaches { $0 == .connected }
            #expect(consumer.isActive)
            try await broker.delete(queue: queue.name)
        }
    }

    @Test(
        .bug(
            "https://github.com/rabbitmq/rabbitmq-java-client/pull/677",
            "Java client: what an entity that fails to recover depends on is not recovered with it"
        ),
        .bug(
            "https://github.com/rabbitmq/rabbitmq-dotnet-client/issues/1047",
            ".NET client: a second loss during recovery leaves consumers out"
        ),
        arguments: TransportServer.allCases
    )
    func aConnectionThatIsCutAfterAnyAnswerOfARecoveryRecovers(on server: TransportServer) async throws {
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly) { broker, proxy in
            let queue = Queue(.unique("cut"), durable: false, exclusive: true)
            let exchange = Exchange(.unique("cut"), .topic, durable: false)
            let binding = Binding(from: exchange.name, toQueue: queue.name, routingKey: "#")
            try await broker.declare(Topology(exchanges: [exchange], queues: [queue], bindings: [binding]))
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue.name, options: ConsumerOptions()) {
            } onDelivery: {
                mailbox.put($0)
            }
            var hasRecovered = false
            var number = 0
            // Of both connections together; as long as a recovery has so many answers.
            while !hasRecovered {
                number += 1
                let (answers, cuts) = (Locked(0), Locked(0))
                let limit = number
                proxy.filter { frame in
                    guard frame.type == 1 else { return true }
                    let isLast = answers.withLock { count in
                        count += 1
                        return count == limit
                    }
                    if isLast {
                        cuts.withLock { $0 += 1 }
                        proxy.cut()
                    }
                    return true
                }
                let before = proxy.accepted
                proxy.cut()
                try await eventually("it connects again, after \(number)") { proxy.accepted >= before + 2 }
                try await eventually("it is restored, after \(number)") {
                    broker.status == .connected && consumer.isActive
                }
                hasRecovered = cuts.withLock { $0 } == 0
                proxy.filter(nil)
                // Again until it comes: where the connections that were made were the publishing one's, the consuming one may not have
                // noticed yet that it is lost, and with it the queue.
                var hasCome = false
                while !hasCome {
                    try Task.checkCancellation()
                    try await broker.publish(Message("\(number)"), to: exchange.name, routingKey: "k")
                    hasCome = try await self.comes("\(number)", to: mailbox)
                }
            }
            // Both logins, the topology, the consumer and the confirms are that many at least.
            #expect(number > 12)
            try await broker.delete(exchange: exchange.name)
        }
    }

    /// Whether a message with that text comes within a second; those that come besides are settled, too.
    private func comes(_ text: String, to mailbox: Mailbox<Delivery>) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(1)
        do {
            while true {
                let delivery = try await mailbox.next(timeout: ContinuousClock.now.duration(to: deadline))
                delivery.token.settle(.ack)
                if delivery.message.body == Array(text.utf8) { return true }
            }
        } catch is Mailbox<Delivery>.TimedOut {
            return false
        }
    }

    @Test(
        .ownThread,
        .bug(
            "https://github.com/onebeyond/rascal/issues/72",
            "rascal: what waits for a connection is lost when it comes back"
        ),
        arguments: TransportServer.allCases
    )
    func moreMessagesThanMayWaitFailAtOnceAndTheOthersKeepTheirOrder(on server: TransportServer) async throws {
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly) { broker, proxy in
            let queue = Queue(.unique("many"), durable: false)
            try await broker.declare(Topology(queues: [queue]))
            proxy.stop()
            await broker.reaches { if case .connecting = $0 { true } else { false } }
            let (failed, confirmed) = (Mailbox<BrokerError>(), Locked(0))
            // To send and confirm them all takes a machine that is busy its time.
            let options = PublishOptions(timeout: .seconds(600))
            for number in 0..<100_010 {
                broker.publish(Message("\(number)"), to: "", routingKey: queue.name, options: options) {
                    switch $0 {
                    case .success: confirmed.withLock { $0 += 1 }
                    case .failure(let error): failed.put(error)
                    }
                }
            }
            for _ in 0..<10 {
                let error = try await failed.next()
                #expect(error.code == .notSent && error.message.contains("100000 messages wait"))
            }
            #expect(failed.isEmpty)
            try proxy.listen()
            try await EnokiTestSupport.eventually("all are confirmed", equals: 100_000, within: .seconds(240)) {
                confirmed.withLock { $0 }
            }
            let mailbox = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue.name, options: ConsumerOptions(prefetch: 1000)) {
                mailbox.put($0)
            }
            for number in 0..<1000 {
                let delivery = try await mailbox.next()
                #expect(delivery.message.body == Array("\(number)".utf8))
                delivery.token.settle(.ack)
            }
            await consumer.close()
            try await broker.delete(queue: queue.name)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func moreBytesThanMayWaitFailAtOnce(on server: TransportServer) async throws {
        try await server.withProxiedTransport(RabbitMQConfiguration.quickly) { broker, proxy in
            await broker.reaches { $0 == .connected }
            proxy.stop()
            await broker.reaches { if case .connecting = $0 { true } else { false } }
            // All of them are one array, so that this costs no memory.
            let body = [UInt8](repeating: 0, count: 16 * 1024 * 1024)
            let (ended, failed) = (Mailbox<BrokerError>(), Mailbox<BrokerError>())
            let tickets = (0..<20).map { number in
                broker.publish(Message(body: body), to: "", routingKey: "nobody", options: PublishOptions()) {
                    if case .failure(let error) = $0 { (number < 15 ? ended : failed).put(error) }
                }
            }
            for _ in 15..<20 {
                let error = try await failed.next()
                #expect(error.code == .notSent && error.message.contains("15 messages wait to be sent already"))
            }
            #expect(ended.isEmpty)
            for ticket in tickets { ticket.giveUp() }
            for _ in 0..<15 { #expect(try await ended.next().code == .notSent) }
        }
    }

    /// As in a cluster with hundreds of quorum queues.
    @Test(arguments: TransportServer.allCases)
    func aTopologyThatTakesLongerThanACallMayIsRestoredAllTheSame(on server: TransportServer) async throws {
        try await server.withProxiedTransport { configuration in
            RabbitMQConfiguration.quickly(&configuration)
            configuration.callTimeout = .seconds(10)
        } _: { broker, proxy in
            let queue = Queue(.unique("long"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            for first in stride(from: 0, to: 500, by: 50) {
                let bindings = (first..<first + 50).map {
                    Binding(from: "amq.direct", toQueue: queue.name, routingKey: "\($0)")
                }
                try await broker.declare(Topology(bindings: bindings))
            }
            let consumer = try await broker.consume(queue.name) { $0.token.settle(.ack) }
            let before = proxy.accepted
            proxy.filter { frame in
                // Fifteen seconds for all five hundred.
                if frame.method == FaultProxy.Frame.queueBindOk { usleep(30000) }
                return true
            }
            proxy.cut()
            try await eventually("it is made again") { proxy.accepted >= before + 2 }
            await broker.reaches { $0 == .connected }
            #expect(consumer.isActive)
        }
    }
}
