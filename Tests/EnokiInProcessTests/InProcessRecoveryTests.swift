import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct InProcessRecoveryTests {
    private func withBroker(_ body: (InProcessBroker) async throws -> Void) async throws {
        let broker = InProcessBroker()
        try await withThrowingTaskGroup { group in
            group.addTask { try await broker.run() }
            try await body(broker)
            group.cancelAll()
        }
    }

    @Test func whatWasDeclaredAndConsumedIsThereAgain() async throws {
        try await self.withBroker { broker in
            let connection = broker.connect(name: "worker")
            let own = Queue("own", exclusive: true)
            let binding = Binding(from: "amq.fanout", toQueue: "own")
            try await connection.declare(Topology(queues: [own], bindings: [binding]))
            let seen = Collector<String>()
            let consumer = try await connection.consume("own") { delivery in
                seen.append(delivery.mark)
                delivery.token.settle(.ack)
            }
            for round in 1...3 {
                broker.dropConnections(named: "worker")
                try await eventually("the consumer is served again") { consumer.isActive }
                try await broker.publish(Message("\(round)"), to: "amq.fanout", routingKey: "")
                try await seen.first(round)
            }
            #expect(seen.elements == ["1", "2", "3"])
            #expect(broker.snapshot().queues.map(\.queue) == [own])
            #expect(broker.snapshot()[queue: "own"]?.consumerCount == 1)
        }
    }

    private static let shutdown =
        "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"

    @Test func theStatusTellsOfTheLossAndItsReason() async throws {
        try await self.withBroker { broker in
            let connection = broker.connect(name: "worker")
            broker.stop()
            try await eventually("the loss is told") {
                connection.status == .connecting(attempt: 1, reason: Self.shutdown)
            }
            broker.start()
            try await eventually("it is connected", equals: .connected) { connection.status }
        }
    }

    @Test func whatWasNotSettledComesAgainInOrder() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let seen = Collector<Delivery>()
            _ = try await broker.connect(name: "worker").consume("q") { seen.append($0) }
            for text in ["1", "2", "3"] { try await broker.publish(Message(text), to: "", routingKey: "q") }
            try await seen.first(3)
            broker.dropConnections(named: "worker")
            try await seen.first(6)
            // A token of the connection that is gone settles nothing.
            for delivery in seen.elements.prefix(3) { delivery.token.settle(.ack) }
            #expect(seen.elements.map(\.mark) == ["1", "2", "3", "1 again", "2 again", "3 again"])
            #expect(broker.snapshot()[queue: "q"]?.unsettledCount == 3)
            for delivery in seen.elements.suffix(3) { delivery.token.settle(.ack) }
            #expect(broker.snapshot()[queue: "q"]?.unsettledCount == 0)
        }
    }

    @Test func aRestartKeepsWhatIsDurable() async throws {
        try await self.withBroker { broker in
            let operatorConnection = broker.connect(name: "operator")
            let topology = Topology(
                exchanges: [Exchange("durable", .topic), Exchange("transient", .topic, durable: false)],
                queues: [Queue("kept"), Queue("lost", durable: false), Queue("own", exclusive: true)],
                bindings: [
                    Binding(from: "durable", toQueue: "kept"), Binding(from: "transient", toQueue: "kept"),
                    Binding(from: "durable", toQueue: "lost"),
                ]
            )
            try await operatorConnection.declare(topology)
            for queue in ["kept", "lost"] {
                for persistent in [true, false] {
                    let options = PublishOptions(persistent: persistent)
                    let message = Message("\(queue) \(persistent)")
                    try await broker.publish(message, to: "", routingKey: queue, options: options)
                }
            }
            await operatorConnection.close()
            broker.restart()
            let snapshot = broker.snapshot()
            #expect(snapshot.exchanges.map(\.name) == ["durable"])
            #expect(snapshot.queues.map(\.queue.name) == ["kept"])
            #expect(snapshot.bindings == [Binding(from: "durable", toQueue: "kept")])
            #expect(snapshot[queue: "kept"]?.ready.map { String(decoding: $0.body, as: UTF8.self) } == ["kept true"])
        }
    }

    @Test func callsWaitForABrokerThatIsDown() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            broker.stop()
            try await eventually("the connection is lost") { broker.status != .connected }
            let first = Collector<Bool>()
            broker.publish(Message("1"), to: "", routingKey: "q", options: PublishOptions()) { result in
                first.append((try? result.get()) != nil)
            }
            async let count = broker.inspect(queue: "q").messageCount
            let late = await #expect(throws: BrokerError.self) {
                let options = PublishOptions(timeout: .milliseconds(10))
                try await broker.publish(Message("late"), to: "", routingKey: "q", options: options)
            }
            #expect(late?.code == .notSent)
            #expect(late?.publishOutcome == .notPublished)
            #expect(first.elements.isEmpty)
            broker.start()
            #expect(try await first.first() == [true])
            _ = try await count
            try await broker.publish(Message("2"), to: "", routingKey: "q")
            let ready = broker.snapshot()[queue: "q"]?.ready.map { String(decoding: $0.body, as: UTF8.self) }
            #expect(ready == ["1", "2"])
        }
    }

    @Test func aBlockedBrokerTakesNoMessagesAndStillDelivers() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            try await broker.publish(Message("before"), to: "", routingKey: "q")
            broker.block(because: "low on disk")
            #expect(broker.status == .blocked(reason: "low on disk"))
            #expect(broker.connect(name: "late").status == .blocked(reason: "low on disk"))
            let seen = Collector<String>()
            _ = try await broker.consume("q") { delivery in
                seen.append(delivery.text)
                delivery.token.settle(.ack)
            }
            try await seen.first()
            let refused = await #expect(throws: BrokerError.self) {
                let options = PublishOptions(timeout: .milliseconds(10))
                try await broker.publish(Message("late"), to: "", routingKey: "q", options: options)
            }
            #expect(refused?.code == .notSent)
            #expect(refused?.message.contains("low on disk") == true)
            let waiting = Collector<Bool>()
            broker.publish(Message("after"), to: "", routingKey: "q", options: PublishOptions()) { result in
                waiting.append((try? result.get()) != nil)
            }
            #expect(waiting.elements.isEmpty)
            broker.unblock()
            #expect(try await waiting.first() == [true])
            #expect(broker.status == .connected)
            #expect(try await seen.first(2) == ["before", "after"])
        }
    }

    @Test func whatWaitsForABlockedBrokerWhenItsTaskIsCancelledIsNeverSent() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            broker.block()
            let options = PublishOptions(timeout: .seconds(3600))
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await broker.publish(Message("x"), to: "", routingKey: "q", options: options) }
                group.cancelAll()
                let error = await #expect(throws: BrokerError.self) { try await group.next() }
                #expect(error?.code == .notSent)
            }
            broker.unblock()
            try await broker.publish(Message("after"), to: "", routingKey: "q")
            let ready = broker.snapshot()[queue: "q"]?.ready.map { String(decoding: $0.body, as: UTF8.self) }
            #expect(ready == ["after"])
        }
    }

    @Test func aCancelledConsumerConsumesAgain() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let seen = Collector<String>()
            let consumer = try await broker.consume("q") { delivery in
                seen.append(delivery.text)
                delivery.token.settle(.ack)
            }
            broker.cancelConsumers(ofQueue: "q")
            try await broker.publish(Message("x"), to: "", routingKey: "q")
            #expect(try await seen.first() == ["x"])
            #expect(consumer.isActive)
        }
    }

    @Test func aBrokerThatIsClosedWhileItIsDownFailsWhatWaits() async throws {
        let broker = InProcessBroker()
        try await withThrowingTaskGroup { group in
            group.addTask { try await broker.run() }
            broker.stop()
            try await eventually("the connection is lost") { broker.status != .connected }
            async let waiting: Void = broker.publish(Message("x"), to: "", routingKey: "q")
            group.cancelAll()
            try await group.waitForAll()
            do {
                try await waiting
                Issue.record("a closed broker took a message")
            } catch let error as BrokerError {
                #expect(error.code == .closed)
            }
        }
        #expect(broker.status == .closed)
    }

    @Test func aConnectionThatIsLostWhileItIsMadeIsMadeAgain() async throws {
        let broker = InProcessBroker(faults: [.dropConnection(before: .publish(1)), .restart(after: .publish(2))])
        try await self.run(broker) {
            try await broker.declare(Topology(queues: [Queue("q")]))
            broker.stop()
            try await eventually("the connection is lost") { broker.status != .connected }
            let outcomes = Collector<String>()
            for text in ["1", "2", "3"] {
                broker.publish(Message(text), to: "", routingKey: "q", options: PublishOptions()) { result in
                    let isKnown = if case .success = result { true } else { false }
                    outcomes.append("\(text) \(isKnown)")
                }
            }
            broker.start()
            // The first was sent twice; the second step was its second sending.
            #expect(try await outcomes.first(3) == ["1 false", "2 true", "3 true"])
            let ready = broker.snapshot()[queue: "q"]?.ready.map { String(decoding: $0.body, as: UTF8.self) }
            #expect(ready == ["2", "3"])
        }
    }

    @Test func nobodyOvertakesWhoWaitsForABlockedBroker() async throws {
        try await self.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            for round in 0..<50 {
                broker.block()
                let confirmed = Collector<Int>()
                @Sendable func publish(_ number: Int) {
                    broker.publish(Message("\(number)"), to: "", routingKey: "q", options: PublishOptions()) { _ in
                        confirmed.append(number)
                        // From within the first of them: the others must come before.
                        if number == 0 { publish(3) }
                    }
                }
                for number in 0..<3 { publish(number) }
                broker.unblock()
                try await confirmed.first(4)
                let ready = broker.snapshot()[queue: "q"]?.ready.map { String(decoding: $0.body, as: UTF8.self) }
                #expect(ready?.suffix(4) == ["0", "1", "2", "3"], "round \(round)")
            }
        }
    }

    @Test func aQueueThatAnotherDeletesIsDeclaredAndConsumedAgain() async throws {
        try await self.withBroker { broker in
            let worker = broker.connect(name: "worker")
            let binding = Binding(from: "amq.fanout", toQueue: "q")
            try await worker.declare(Topology(queues: [Queue("q")], bindings: [binding]))
            let seen = Collector<String>()
            let consumer = try await worker.consume("q") { delivery in
                seen.append(delivery.text)
                delivery.token.settle(.ack)
            }
            try await broker.delete(queue: "q")
            try await eventually("the consumer is served again") {
                broker.snapshot()[queue: "q"] != nil && consumer.isActive
            }
            try await broker.publish(Message("x"), to: "amq.fanout", routingKey: "")
            #expect(try await seen.first() == ["x"])
        }
    }

    @Test func aConsumerThatIsRefusedTriesAgain() async throws {
        let clock = VirtualClock()
        let broker = InProcessBroker(clock: clock)
        try await withTaskExecutorPreference(clock.executor) {
            try await self.run(broker) {
                let worker = broker.connect(name: "worker")
                let rival = broker.connect(name: "rival")
                try await broker.declare(Topology(queues: [Queue("q")]))
                let consumer = try await worker.consume("q") { $0.token.settle(.ack) }
                broker.dropConnections(named: "worker")
                let alone = try await rival.consume("q", options: ConsumerOptions(exclusive: true)) { _ in }
                await clock.advance(by: .seconds(5))
                #expect(!consumer.isActive)
                // Unlike the transport for RabbitMQ it does not count its consumers.
                #expect(worker.status == .connected)
                await alone.close()
                await clock.advance(by: .seconds(5))
                #expect(consumer.isActive)
            }
        }
    }

    @Test func aConnectionThatIsClosedIsNotCalledEvenIfItWasLostBefore() async throws {
        let broker = InProcessBroker()
        let worker = broker.connect(name: "worker")
        try await worker.declare(Topology(queues: [Queue("q")]))
        let seen = Collector<String>()
        _ = try await worker.consume("q") { seen.append($0.text) }
        // Nothing is delivered yet, since the broker does not run.
        try await worker.publish(Message("x"), to: "", routingKey: "q")
        broker.dropConnections(named: "worker")
        await worker.close()
        try await self.run(broker) {
            try await broker.publish(Message("y"), to: "", routingKey: "q")
            try await eventually("the messages wait") { broker.snapshot()[queue: "q"]?.ready.count == 2 }
        }
        #expect(seen.elements.isEmpty)
    }

    @Test func whatNeedsNoAcknowledgementIsDeliveredBeforeItsConsumerIsCancelled() async throws {
        let clock = VirtualClock()
        let broker = InProcessBroker(clock: clock)
        try await withTaskExecutorPreference(clock.executor) {
            try await self.run(broker) {
                try await broker.declare(Topology(queues: [Queue("q")]))
                let seen = Collector<String>()
                let options = ConsumerOptions(automaticAcknowledgement: true)
                let consumer = try await broker.consume("q", options: options) { seen.append($0.text) }
                await clock.advance(by: .zero)
                for text in ["1", "2", "3"] {
                    broker.publish(Message(text), to: "", routingKey: "q", options: PublishOptions()) { _ in }
                }
                await consumer.cancel()
                #expect(seen.elements == ["1", "2", "3"])
            }
        }
    }

    @Test func aBrokerThatHasRunLetsGoOfAll() async throws {
        final class Probe: Sendable { func touch() {} }
        weak var probe: Probe?
        do {
            let broker = InProcessBroker()
            let worker = broker.connect(name: "worker")
            try await worker.declare(Topology(queues: [Queue("q")]))
            let held = Probe()
            probe = held
            _ = try await worker.consume("q") { _ in held.touch() }
            try await self.run(broker) { try await worker.publish(Message("x"), to: "", routingKey: "q") }
        }
        #expect(probe == nil)
    }

    @Test func whoIsCancelledDoesNotWaitForABrokerThatIsDown() async throws {
        try await self.withBroker { broker in
            broker.stop()
            try await eventually("the connection is lost") { broker.status != .connected }
            await withThrowingTaskGroup { group in
                group.addTask { _ = try await broker.inspect(queue: "q") }
                group.cancelAll()
                let error = await #expect(throws: BrokerError.self) { try await group.waitForAll() }
                #expect(error?.code == .timedOut)
            }
        }
    }

    private func run(_ broker: InProcessBroker, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await broker.run() }
            try await body()
            group.cancelAll()
        }
    }
}
