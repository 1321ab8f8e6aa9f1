import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ClosingTests {
    @Test(arguments: TransportServer.allCases)
    func acknowledgementsGivenBeforeTheEndAreSent(on server: TransportServer) async throws {
        try await server.withPort {
            let queue = Queue(.unique("acks"), durable: false)
            try await server.withTransport { broker in
                try await broker.declare(Topology(queues: [queue]))
                for number in 0..<300 { try await broker.publish(Message("\(number)"), to: "", routingKey: queue.name) }
                let mailbox = Mailbox<Delivery>()
                _ = try await broker.consume(queue.name, options: ConsumerOptions(prefetch: 300)) { mailbox.put($0) }
                for _ in 0..<300 { try await mailbox.next().token.settle(.ack) }
            }
            try await server.withTransport { broker in
                #expect(try await broker.inspect(queue: queue.name).messageCount == 0)
                try await broker.delete(queue: queue.name)
            }
        }
    }

    @Test(arguments: TransportServer.allCases)
    func afterTheEndEverythingIsClosed(on server: TransportServer) async throws {
        let broker = try await server.withTransport { broker in
            try await broker.publish(Message("x"), to: "amq.direct", routingKey: "k")
            return broker
        }
        let calls: [@Sendable () async throws -> Void] = [
            { try await broker.declare(Topology(queues: [Queue("q")])) },
            { try await broker.publish(Message("x"), to: "", routingKey: "k") },
            { _ = try await broker.consume("q") { _ in } },
            { _ = try await broker.inspect(queue: "q") },
            { try await broker.unbind(Binding(from: "a", toQueue: "b")) },
            { try await broker.purge(queue: "q") },
            { try await broker.delete(queue: "q") },
            { try await broker.delete(exchange: "e") },
            { try await broker.run() },
        ]
        for call in calls {
            let error = await #expect(throws: BrokerError.self) { try await call() }
            #expect(error?.code == .closed)
        }
        var statuses: [BrokerStatus] = []
        for await status in broker.statusUpdates() { statuses.append(status) }
        #expect(statuses == [.closed])
    }

    @Test(arguments: TransportServer.allCases)
    func whatWaitsIsFailedAtTheEnd(on server: TransportServer) async throws {
        try await server.withProxy { proxy in
            let codes = Mailbox<BrokerError.Code?>()
            try await server.withTransport({ $0.endpoints = [.init(host: "127.0.0.1", port: proxy.port)] }) { broker in
                await broker.reaches { if case .connecting(_, _?) = $0 { true } else { false } }
                for _ in 0..<3 {
                    broker.publish(Message("x"), to: "", routingKey: "k", options: PublishOptions()) { result in
                        if case .failure(let error) = result { codes.put(error.code) } else { codes.put(nil) }
                    }
                }
            }
            for _ in 0..<3 { #expect(try await codes.next() == .closed) }
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aCallInFlightIsFailedAtTheEnd(on server: TransportServer) async throws {
        try await server.withProxy { proxy in
            let codes = Mailbox<BrokerError.Code?>()
            try proxy.listen()
            var configuration = try RabbitMQConfiguration(uri: server.uri)
            configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
            let broker = RabbitMQBroker(configuration: configuration, logger: .silent)
            try await withThrowingTaskGroup { group in
                let queue = Queue(.unique("in-flight"), exclusive: true)
                let answers = Locked(0)
                group.addTask {
                    try await withThrowingTaskGroup { running in
                        running.addTask { try await broker.run() }
                        try await eventually { answers.withLock { $0 } == 1 }
                        running.cancelAll()
                        try await running.waitForAll()
                    }
                }
                try await broker.declare(Topology(queues: [queue]))
                // The broker's answer does not arrive.
                proxy.filter { frame in
                    guard frame.method == 50 << 16 | 11 else { return true }
                    answers.withLock { $0 += 1 }
                    return false
                }
                group.addTask {
                    do throws(BrokerError) {
                        _ = try await broker.inspect(queue: queue.name)
                        codes.put(nil)
                    } catch {
                        codes.put(error.code)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await codes.next() == .closed)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func theEndIsBoundedWhenTheBrokerIsSilent(on server: TransportServer) async throws {
        let start = Locked(ContinuousClock.now)
        try await server.withProxiedTransport({ $0.heartbeat = .seconds(60) }) { broker, proxy in
            try await broker.publish(Message("x"), to: "amq.direct", routingKey: "k")
            proxy.muteBroker(true)
            start.withLock { $0 = .now }
        }
        // Two seconds, and what a busy machine adds; without the bound it would be two heartbeats.
        #expect(start.withLock { ContinuousClock.now - $0 } < .seconds(40))
    }

    @Test(
        .bug(
            "https://github.com/rabbitmq/amqp091-go/issues/122",
            "amqp091-go: a channel on which confirms are missing is not closed after a memory alarm"
        ),
        arguments: TransportServer.allCases
    )
    func theEndIsBoundedWhileTheBrokerBlocksPublishers(on server: TransportServer) async throws {
        let start = Locked(ContinuousClock.now)
        let outcomes = Mailbox<Result<Void, BrokerError>>()
        try await server.withProxiedTransport({ $0.heartbeat = .seconds(60) }) { broker, proxy in
            try await broker.publish(Message("x"), to: "amq.direct", routingKey: "k")
            // Messages whose confirms are missing, and then an alarm, in which RabbitMQ reads nothing.
            proxy.filter { $0.method != FaultProxy.Frame.basicAck }
            @Sendable func publish(_ text: String) {
                for _ in 0..<10 {
                    broker.publish(Message(text), to: "amq.direct", routingKey: "k", options: PublishOptions()) {
                        outcomes.put($0)
                    }
                }
            }
            publish("unconfirmed")
            proxy.muteClient(true)
            proxy.inject(.blocked("low on memory"))
            await broker.reaches { $0 == .blocked(reason: "low on memory") }
            publish("waiting")
            start.withLock { $0 = .now }
        }
        #expect(start.withLock { ContinuousClock.now - $0 } < .seconds(40))
        for _ in 0..<20 {
            let outcome = try await outcomes.next()
            #expect(throws: BrokerError.self) { try outcome.get() }
        }
    }

    @Test(arguments: TransportServer.allCases)
    func theEndDoesNotWaitForAConnectionInTheMaking(on server: TransportServer) async throws {
        try await server.withProxy { proxy in
            try proxy.listen()
            proxy.muteBroker(true)
            let start = Locked(ContinuousClock.now)
            try await server.withTransport({
                $0.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
                $0.connectionTimeout = .seconds(50)
            }) { _ in
                try await eventually { proxy.accepted == 2 }
                start.withLock { $0 = .now }
            }
            #expect(start.withLock { ContinuousClock.now - $0 } < .seconds(40))
        }
    }

    @Test(arguments: TransportServer.allCases)
    func messagesInFlightAreConfirmedBeforeTheEnd(on server: TransportServer) async throws {
        try await server.withPort {
            // The end waits for confirms for one second, so an end that was there sooner has not given them up.
            for _ in 0..<10 {
                if try await self.expectConfirmsBeforeTheEnd(on: server, within: .seconds(1)) { return }
            }
            Issue.record("ten times the broker took longer to confirm than the end waits")
        }
    }

    /// Publishes, ends at once, and expects every confirm where the end took less than `limit`.
    ///
    /// - Returns: Whether it did.
    private func expectConfirmsBeforeTheEnd(on server: TransportServer, within limit: Duration) async throws -> Bool {
        let queue = Queue(.unique("flushed"), durable: false)
        let outcomes = Mailbox<Result<Void, BrokerError>>()
        let start = Locked(ContinuousClock.now)
        try await server.withTransport { broker in
            try await broker.declare(Topology(queues: [queue]))
            await broker.reaches { $0 == .connected }
            for _ in 0..<500 {
                broker.publish(Message("x"), to: "", routingKey: queue.name, options: PublishOptions()) {
                    outcomes.put($0)
                }
            }
            start.withLock { $0 = .now }
        }
        let isInTime = start.withLock { ContinuousClock.now - $0 } < limit
        var confirmed = 0
        for _ in 0..<500 { if case .success = try await outcomes.next() { confirmed += 1 } }
        if isInTime { #expect(confirmed == 500) }
        let count = try await server.withTransport { broker in
            let count = try await broker.inspect(queue: queue.name).messageCount
            try await broker.delete(queue: queue.name)
            return count
        }
        #expect(count >= confirmed && count <= 500)
        return isInTime
    }
}
