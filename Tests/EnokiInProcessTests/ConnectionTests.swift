import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ConnectionTests {
    private func withBroker(_ body: (InProcessBroker) async throws -> Void) async throws {
        let broker = InProcessBroker()
        try await withThrowingTaskGroup { group in
            group.addTask { try await broker.run() }
            try await body(broker)
            group.cancelAll()
        }
    }

    @Test func aConnectionThatIsClosedEndsItsRunAndSaysSo() async throws {
        try await self.withBroker { broker in
            let connection = broker.connect(name: "worker-2")
            #expect(connection.address == "in-process:worker-2")
            let statuses = connection.statusUpdates()
            async let run: Void = connection.run()
            await connection.close()
            await run
            var seen: [BrokerStatus] = []
            for await status in statuses { seen.append(status) }
            #expect(seen.last == .closed)
            let error = await #expect(throws: BrokerError.self) { try await connection.inspect(queue: "q") }
            #expect(error?.code == .closed)
            #expect(broker.status == .connected)
        }
    }

    @Test func endingTheRunOfAConnectionClosesIt() async throws {
        try await self.withBroker { broker in
            let connection = broker.connect(name: "worker")
            try await connection.declare(Topology(queues: [Queue("own", exclusive: true)]))
            await withTaskGroup { group in
                group.addTask { await connection.run() }
                group.cancelAll()
            }
            #expect(connection.status == .closed)
            #expect(broker.snapshot()[queue: "own"] == nil)
        }
    }

    @Test func cancelReturnsWhenTheRunningHandlerHas() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let entered = Latch()
            let leave = Locked(false)
            let left = Locked(false)
            let consumer = try await broker.consume("q") { _ in
                entered.open()
                // The one thing that a handler must not do, so that the test can look on.
                while !leave.withLock({ $0 }) {}
                left.withLock { $0 = true }
            }
            try await broker.publish(Message("x"), to: "", routingKey: "q")
            await entered.wait()
            async let cancelled: Bool = {
                await consumer.cancel()
                return left.withLock { $0 }
            }()
            try await eventually("the consumer is cancelled") { !consumer.isActive }
            leave.withLock { $0 = true }
            #expect(await cancelled)
        }
    }

    @Test func manyInstancesShareTheWorkAndLoseNothingWhenSomeLeave() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("work")]))
            let done = Collector<String>()
            try await withThrowingTaskGroup { group in
                for name in 0..<8 {
                    group.addTask {
                        let connection = broker.connect(name: "\(name)")
                        let seen = Collector<Delivery>()
                        _ = try await connection.consume("work", options: ConsumerOptions(prefetch: 5)) { delivery in
                            // Some settle, the others leave with what they have.
                            if name.isMultiple(of: 2) {
                                delivery.token.settle(.ack)
                                done.append(String(decoding: delivery.message.body, as: UTF8.self))
                            }
                            seen.append(delivery)
                        }
                        if name.isMultiple(of: 2) {
                            try await eventually("all is done", within: .seconds(30)) { done.count >= 2000 }
                        } else {
                            try await seen.first(5, within: .seconds(30))
                        }
                        await connection.close()
                    }
                }
                for worker in 0..<4 {
                    group.addTask {
                        for number in 0..<500 {
                            try await broker.publish(Message("\(worker)-\(number)"), to: "", routingKey: "work")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(Set(done.elements).count == 2000)
            #expect(broker.snapshot()[queue: "work"]?.ready == [])
        }
    }

    @Test func theSnapshotTellsWhatWasRoutedNowhere() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(exchanges: [Exchange("e", .topic)]))
            try await broker.publish(Message("dropped"), to: "e", routingKey: "a")
            let mandatory = PublishOptions(mandatory: true)
            let error = await #expect(throws: BrokerError.self) {
                try await broker.publish(Message("returned"), to: "", routingKey: "b", options: mandatory)
            }
            #expect(error?.message.contains("routing key 'b'") == true)
            let unroutable = broker.snapshot().unroutable
            #expect(unroutable.map(\.message.body) == ["dropped", "returned"].map { Array($0.utf8) })
            #expect(unroutable.map(\.returned) == [false, true])
            #expect(unroutable.map(\.routingKey) == ["a", "b"])
        }
    }

    @Test func theSnapshotTellsTheTopologyAndTheMessages() async throws {
        try await self.withBroker { broker in
            let topology = Topology(
                exchanges: [Exchange("e", .topic)],
                queues: [Queue("a"), Queue("b")],
                bindings: [Binding(from: "e", toQueue: "a", routingKey: "x"), Binding(from: "e", toQueue: "b")]
            )
            try await broker.declare(topology)
            let deliveries = Collector<Delivery>()
            _ = try await broker.consume("a", options: ConsumerOptions(prefetch: 1)) { deliveries.append($0) }
            for text in ["1", "2", "3"] { try await broker.publish(Message(text), to: "", routingKey: "a") }
            try await deliveries.first()
            let snapshot = broker.snapshot()
            #expect(snapshot.exchanges == topology.exchanges)
            #expect(snapshot.queues.map(\.queue) == topology.queues)
            #expect(Set(snapshot.bindings) == Set(topology.bindings))
            #expect(snapshot[queue: "a"]?.ready.map(\.body) == [Array("2".utf8), Array("3".utf8)])
            #expect(snapshot[queue: "a"]?.unsettledCount == 1)
            #expect(snapshot[queue: "a"]?.consumerCount == 1)
        }
    }

    @Test func whatIsNotSupportedIsRefusedWithTheReason() async throws {
        try await self.withBroker { broker in
            for type in ["quorum", "stream"] {
                let error = await #expect(throws: BrokerError.self) {
                    try await broker.declare(Topology(queues: [Queue("q", arguments: ["x-queue-type": .string(type)])]))
                }
                #expect(error?.code == .preconditionFailed)
                #expect(error?.message.contains("queue 'q' in vhost '/' asks for x-queue-type '\(type)'") == true)
            }
            let error = await #expect(throws: BrokerError.self) {
                try await broker.declare(Topology(exchanges: [Exchange("e", Exchange.Kind(rawValue: "x-random"))]))
            }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("x-random") == true)
            #expect(broker.status == .connected)
        }
    }

    @Test func theWordsOfARedeclarationBeginLikeRabbitMQs() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(exchanges: [Exchange("e", .topic)], queues: [Queue("q")]))
            let queue = await #expect(throws: BrokerError.self) {
                try await broker.declare(Topology(queues: [Queue("q", durable: false)]))
            }
            #expect(
                queue?.message.hasPrefix(
                    "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': "
                        + "received 'false' but current is 'true'"
                ) == true
            )
            let exchange = await #expect(throws: BrokerError.self) {
                try await broker.declare(Topology(exchanges: [Exchange("e", .fanout)]))
            }
            #expect(
                exchange?.message.hasPrefix(
                    "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': "
                        + "received 'fanout' but current is 'topic'"
                ) == true
            )
        }
    }
}
