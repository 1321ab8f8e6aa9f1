import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct FaultTests {
    /// Runs `body` with a broker that has queue `q`, and a connection to it named `worker`.
    private func withBroker(
        _ faults: FaultPlan,
        clock: VirtualClock = VirtualClock(),
        _ body: (InProcessBroker, InProcessConnection) async throws -> Void
    ) async throws {
        let broker = InProcessBroker(clock: clock, faults: faults)
        try await withTaskExecutorPreference(clock.executor) {
            try await withThrowingTaskGroup { group in
                group.addTask { try await broker.run() }
                let connection = broker.connect(name: "worker")
                try await connection.declare(Topology(queues: [Queue("q")]))
                try await body(broker, connection)
                group.cancelAll()
            }
        }
    }

    private func contents(of broker: InProcessBroker) -> [String]? {
        broker.snapshot()[queue: "q"]?.ready.map { String(decoding: $0.body, as: UTF8.self) }
    }

    @Test func aMessageWhoseConnectionIsLostBeforeItIsTakenIsSentAgain() async throws {
        try await self.withBroker([.dropConnection(before: .publish(1))]) { broker, connection in
            for text in ["1", "2"] { try await connection.publish(Message(text), to: "", routingKey: "q") }
            #expect(self.contents(of: broker) == ["1", "2"])
            #expect(broker.faults == [.dropConnection(before: .publish(1))])
        }
    }

    @Test func aMessageWhoseConnectionIsLostAfterItIsTakenIsThereTwice() async throws {
        try await self.withBroker([.dropConnection(after: .publish(2))]) { broker, connection in
            for text in ["1", "2", "3"] { try await connection.publish(Message(text), to: "", routingKey: "q") }
            #expect(self.contents(of: broker) == ["1", "2", "2", "3"])
        }
    }

    @Test func aMessageThatIsLostTwiceHasAnUnknownOutcome() async throws {
        let plan: FaultPlan = [.dropConnection(before: .publish(1)), .dropConnection(before: .publish(2))]
        try await self.withBroker(plan) { broker, connection in
            let error = await #expect(throws: BrokerError.self) {
                try await connection.publish(Message("1"), to: "", routingKey: "q")
            }
            #expect(error?.code == .outcomeUnknown)
            try await connection.publish(Message("2"), to: "", routingKey: "q")
            #expect(self.contents(of: broker) == ["2"])
        }
    }

    @Test func aLostConfirmIsWaitedForUntilTheTimeout() async throws {
        let clock = VirtualClock()
        try await self.withBroker([.loseConfirm(of: .publish(1))], clock: clock) { broker, connection in
            let options = PublishOptions(timeout: .seconds(5))
            let outcome = Collector<Result<Void, BrokerError>>()
            connection.publish(Message("1"), to: "", routingKey: "q", options: options) { outcome.append($0) }
            await clock.advance(by: .seconds(4))
            #expect(outcome.elements.isEmpty)
            await clock.advance(by: .seconds(1))
            let result = try await outcome.first()[0]
            #expect(result.failure?.code == .outcomeUnknown)
            #expect(self.contents(of: broker) == ["1"])
        }
    }

    @Test func aLateConfirmComesWhenItsTimeHas() async throws {
        let clock = VirtualClock()
        let plan: FaultPlan = [.delayConfirm(of: .publish(1), by: .seconds(3))]
        try await self.withBroker(plan, clock: clock) { _, connection in
            let outcomes = Collector<String>()
            for text in ["late", "next"] {
                connection.publish(Message(text), to: "", routingKey: "q", options: PublishOptions()) { result in
                    if case .success = result { outcomes.append(text) }
                }
            }
            #expect(outcomes.elements == ["next"])
            await clock.advance(by: .seconds(3))
            let order = try await outcomes.first(2)
            #expect(order == ["next", "late"])
        }
    }

    @Test func aReturnComesLateWithItsConfirm() async throws {
        let clock = VirtualClock()
        let plan: FaultPlan = [.delayConfirm(of: .publish(1), by: .seconds(3))]
        try await self.withBroker(plan, clock: clock) { _, connection in
            let outcomes = Collector<Result<Void, BrokerError>>()
            let options = PublishOptions(mandatory: true)
            connection.publish(Message("x"), to: "", routingKey: "nobody", options: options) { outcomes.append($0) }
            await clock.advance(by: .seconds(3))
            let result = try await outcomes.first()[0]
            #expect(result.failure?.code == .unroutable)
        }
    }

    @Test func aDuplicateComesOnceMore() async throws {
        try await self.withBroker([.duplicate(.delivery(1))]) { broker, connection in
            let seen = try await self.consume(connection)
            for text in ["1", "2"] { try await connection.publish(Message(text), to: "", routingKey: "q") }
            #expect(Set(try await seen.first(3)) == ["1", "1 again", "2"])
            try await self.expectEmpty(broker)
        }
    }

    @Test func aConnectionLostBeforeADeliveryDeliversAgain() async throws {
        try await self.withBroker([.dropConnection(before: .delivery(1))]) { broker, connection in
            let seen = try await self.consume(connection)
            try await broker.publish(Message("x"), to: "", routingKey: "q")
            #expect(try await seen.first() == ["x again"])
            try await self.expectEmpty(broker)
            #expect(seen.count == 1)
        }
    }

    @Test func aConnectionLostAfterADeliveryDeliversAgain() async throws {
        try await self.withBroker([.dropConnection(after: .delivery(1))]) { broker, connection in
            let deliveries = Collector<Delivery>()
            _ = try await connection.consume("q") { deliveries.append($0) }
            try await broker.publish(Message("x"), to: "", routingKey: "q")
            try await deliveries.first(2)
            #expect(deliveries.elements.map(\.mark) == ["x", "x again"])
            deliveries.elements[0].token.settle(.ack)
            #expect(broker.snapshot()[queue: "q"]?.unsettledCount == 1)
            deliveries.elements[1].token.settle(.ack)
            try await self.expectEmpty(broker)
        }
    }

    @Test func aLostAcknowledgementDeliversAgain() async throws {
        try await self.withBroker([.dropConnection(before: .acknowledgement(1))]) { broker, connection in
            let seen = try await self.consume(connection)
            try await broker.publish(Message("x"), to: "", routingKey: "q")
            #expect(try await seen.first(2) == ["x", "x again"])
            try await self.expectEmpty(broker)
        }
    }

    @Test func anAcknowledgementBeforeTheLossCounts() async throws {
        try await self.withBroker([.dropConnection(after: .acknowledgement(1))]) { broker, connection in
            let seen = try await self.consume(connection)
            try await broker.publish(Message("1"), to: "", routingKey: "q")
            try await eventually("the connection was lost") { !broker.faults.isEmpty }
            try await broker.publish(Message("2"), to: "", routingKey: "q")
            try await self.expectEmpty(broker)
            #expect(seen.elements == ["1", "2"])
        }
    }

    @Test func aCancelledConsumerGoesOn() async throws {
        try await self.withBroker([.cancelConsumer(after: .delivery(1))]) { broker, connection in
            let seen = try await self.consume(connection)
            for text in ["1", "2"] { try await broker.publish(Message(text), to: "", routingKey: "q") }
            try await self.expectEmpty(broker)
            #expect(Set(seen.elements.map { $0.prefix(1) }) == ["1", "2"])
        }
    }

    @Test func blockedPublishersWait() async throws {
        let clock = VirtualClock()
        let plan: FaultPlan = [.blockPublishers(after: .publish(1), for: .seconds(2))]
        try await self.withBroker(plan, clock: clock) { broker, connection in
            try await connection.publish(Message("1"), to: "", routingKey: "q")
            let reason = ".blockPublishers(after: .publish(1), for: .milliseconds(2000))"
            #expect(connection.status == .blocked(reason: reason))
            let outcomes = Collector<Bool>()
            connection.publish(Message("2"), to: "", routingKey: "q", options: PublishOptions()) { result in
                outcomes.append((try? result.get()) != nil)
            }
            await clock.advance(by: .seconds(1))
            #expect(self.contents(of: broker) == ["1"])
            await clock.advance(by: .seconds(1))
            #expect(try await outcomes.first() == [true])
            #expect(self.contents(of: broker) == ["1", "2"])
            #expect(connection.status == .connected)
        }
    }

    @Test func aRestartLosesWhatIsNotPersistent() async throws {
        try await self.withBroker([.restart(after: .publish(2))]) { broker, connection in
            let persistent = PublishOptions(persistent: true)
            try await connection.publish(Message("kept"), to: "", routingKey: "q", options: persistent)
            try await connection.publish(Message("again"), to: "", routingKey: "q")
            try await connection.publish(Message("after"), to: "", routingKey: "q")
            #expect(self.contents(of: broker) == ["kept", "again", "after"])
        }
    }

    @Test func aFaultOfOneConnectionCountsItsStepsAlone() async throws {
        let fault = Fault.dropConnection(before: .publish(2)).on("worker")
        try await self.withBroker([fault]) { broker, connection in
            for _ in 0..<3 { try await broker.publish(Message("other"), to: "", routingKey: "q") }
            try await connection.publish(Message("1"), to: "", routingKey: "q")
            try await connection.publish(Message("2"), to: "", routingKey: "q")
            #expect(broker.faults == [fault])
            #expect("\(fault)" == #".dropConnection(before: .publish(2)).on("worker")"#)
        }
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func nothingIsLostWhateverPasses(seed: UInt64) async throws {
        let kinds: FaultPlan.Kind = [.passing, .lateConfirms, .lostConfirms, .blockedPublishers]
        let clock = VirtualClock(seed: seed)
        let broker = InProcessBroker(clock: clock, seed: seed, faults: .random(seed: seed, rate: 0.1, kinds: kinds))
        try await withTaskExecutorPreference(clock.executor) {
            try await withThrowingTaskGroup { group in
                group.addTask { try await broker.run() }
                let worker = broker.connect(name: "worker")
                try await worker.declare(Topology(queues: [Queue("q")]))
                let seen = try await self.consume(worker)
                let publisher = broker.connect(name: "publisher")
                let isDone = Latch()
                group.addTask {
                    for number in 0..<20 { try await self.insist(on: "\(number)", publisher) }
                    isDone.open()
                }
                while !isDone.isOpen { await clock.advance(by: .seconds(1)) }
                let queue = broker.snapshot()[queue: "q"]
                #expect(queue?.ready.isEmpty == true && queue?.unsettledCount == 0, "seed \(seed), \(broker.faults)")
                let numbers = Set(seen.elements.compactMap { Int($0.prefix { $0 != " " }) })
                #expect(numbers == Set(0..<20), "seed \(seed), \(broker.faults)")
                group.cancelAll()
            }
        }
    }

    /// What may have been lost is published again.
    private func insist(on text: String, _ connection: InProcessConnection) async throws {
        while true {
            do {
                return try await connection.publish(Message(text), to: "", routingKey: "q")
            } catch {
                guard error.publishOutcome == .unknown else { throw error }
            }
        }
    }

    private func consume(_ connection: InProcessConnection) async throws -> Collector<String> {
        let seen = Collector<String>()
        _ = try await connection.consume("q", options: ConsumerOptions(prefetch: 3)) { delivery in
            seen.append(delivery.mark)
            delivery.token.settle(.ack)
        }
        return seen
    }

    private func expectEmpty(_ broker: InProcessBroker) async throws {
        try await eventually("all messages are settled") {
            let queue = broker.snapshot()[queue: "q"]
            return queue?.ready.isEmpty == true && queue?.unsettledCount == 0
        }
    }
}

extension Result {
    fileprivate var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
