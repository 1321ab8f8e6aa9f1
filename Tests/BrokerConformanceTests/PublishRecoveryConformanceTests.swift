import EnokiBroker
import EnokiTestSupport
import Testing

/// What becomes of messages whose connection is lost before their confirm comes.
@Suite(.timeLimit(.minutes(5))) struct PublishRecoveryConformanceTests {
    private static let queue = Queue("q", durable: true)

    /// Takes `count` messages out of the queue.
    private func take(_ count: Int, _ broker: any Broker) async throws -> [Message] {
        try await broker.expectReady(count, in: Self.queue.name)
        let deliveries = Collector<Delivery>()
        let consumer = try await broker.consume(Self.queue.name) {
            deliveries.append($0)
            $0.token.settle(.ack)
        }
        let taken = try await deliveries.first(count)
        await consumer.close()
        return taken.map(\.message)
    }

    @Test(arguments: TestBroker.allCases)
    func anUnconfirmedMessageIsSentAgainWithItsMessageID(on kind: TestBroker) async throws {
        try await UnconfirmingBroker.with(kind, losingConfirms: 1) { unconfirming in
            let broker = unconfirming.broker
            try await broker.declare(Topology(queues: [Self.queue]))
            async let published: Void = broker.publish(
                Message("x"),
                to: "",
                routingKey: "q",
                options: PublishOptions(persistent: true)
            )
            try await unconfirming.dropConnection(afterLosing: 1)
            try await published
            let messages = try await self.take(2, broker)
            #expect(messages.map(\.body) == [Array("x".utf8), Array("x".utf8)])
            // Nobody gave it an identity: the transport has.
            #expect(messages[0].properties.messageID?.isEmpty == false)
            #expect(messages[0].properties == messages[1].properties)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aMessageIDOfTheApplicationsIsKept(on kind: TestBroker) async throws {
        try await UnconfirmingBroker.with(kind, losingConfirms: 1) { unconfirming in
            let broker = unconfirming.broker
            try await broker.declare(Topology(queues: [Self.queue]))
            let message = Message("x", properties: BasicProperties(messageID: "mine"))
            async let published: Void = broker.publish(message, to: "", routingKey: "q")
            try await unconfirming.dropConnection(afterLosing: 1)
            try await published
            #expect(try await self.take(2, broker).map(\.properties.messageID) == ["mine", "mine"])
        }
    }

    @Test(arguments: TestBroker.allCases)
    func noTwoMessagesGetTheSameMessageID(on kind: TestBroker) async throws {
        try await kind.withFixture { fixture in
            let other = try await fixture.connect()
            try await fixture.broker.declare(Topology(queues: [Self.queue]))
            for broker in [fixture.broker, other] {
                for _ in 0..<10 { try await broker.publish(Message("x"), to: "", routingKey: "q") }
            }
            let ids = try await self.take(20, other).map(\.properties.messageID)
            #expect(Set(ids).count == 20 && !ids.contains(nil))
        }
    }

    @Test(arguments: TestBroker.allCases)
    func oneThatIsSentAgainAndNeverConfirmedHoldsUpNoOthers(on kind: TestBroker) async throws {
        try await UnconfirmingBroker.with(kind, losingConfirms: 2) { unconfirming in
            let broker = unconfirming.broker
            try await broker.declare(Topology(queues: [Self.queue]))
            let patient = PublishOptions(timeout: .seconds(3600))
            broker.publish(Message("x"), to: "", routingKey: "q", options: patient) { _ in }
            try await unconfirming.dropConnection(afterLosing: 1)
            try await eventually("it is sent again") { unconfirming.lost() == 2 }
            for _ in 0..<3 { try await broker.publish(Message("y"), to: "", routingKey: "q") }
            try await broker.expectReady(5, in: Self.queue.name)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aMessageIsSentNoMoreThanTwice(on kind: TestBroker) async throws {
        try await UnconfirmingBroker.with(kind, losingConfirms: 2) { unconfirming in
            let broker = unconfirming.broker
            try await broker.declare(Topology(queues: [Self.queue]))
            let outcome = Collector<Result<Void, BrokerError>>()
            broker.publish(Message("x"), to: "", routingKey: "q", options: PublishOptions()) { outcome.append($0) }
            try await unconfirming.dropConnection(afterLosing: 1)
            try await unconfirming.dropConnection(afterLosing: 2)
            let result = try await outcome.first()[0]
            let error = await expectError(.outcomeUnknown) { try result.get() }
            #expect(error?.publishOutcome == .unknown)
            // Nothing of it comes later, and what comes later goes its way.
            try await broker.publish(Message("y"), to: "", routingKey: "q")
            #expect(try await self.take(3, broker).map(\.body) == ["x", "x", "y"].map { Array($0.utf8) })
            #expect(outcome.count == 1)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whatIsSentAgainKeepsItsOrderAndIsNotOvertaken(on kind: TestBroker) async throws {
        let count = 20
        try await UnconfirmingBroker.with(kind, losingConfirms: count) { unconfirming in
            let broker = unconfirming.broker
            try await broker.declare(Topology(queues: [Self.queue]))
            let outcomes = Collector<Result<Void, BrokerError>>()
            for number in 0..<count {
                broker.publish(Message("\(number)"), to: "", routingKey: "q", options: PublishOptions()) {
                    outcomes.append($0)
                }
            }
            try await unconfirming.dropConnection(afterLosing: count)
            for number in count..<2 * count {
                broker.publish(Message("\(number)"), to: "", routingKey: "q", options: PublishOptions()) {
                    outcomes.append($0)
                }
            }
            for result in try await outcomes.first(2 * count) { try result.get() }
            let texts = try await self.take(3 * count, broker).map { String(decoding: $0.body, as: UTF8.self) }
            #expect(texts == (Array(0..<count) + Array(0..<2 * count)).map(String.init))
        }
    }

    @Test(
        .bug(
            "https://github.com/rabbitmq/rabbitmq-dotnet-client/issues/1928",
            ".NET client: publishing hangs for ever after a restart of the broker"
        ),
        arguments: TestBroker.allCases
    )
    func whatCannotBeSentAgainInTimeHasAnUnknownOutcome(on kind: TestBroker) async throws {
        try await UnconfirmingBroker.with(kind, losingConfirms: 1) { unconfirming in
            let broker = unconfirming.broker
            try await broker.declare(Topology(queues: [Self.queue]))
            let outcome = Collector<Result<Void, BrokerError>>()
            let options = PublishOptions(timeout: .seconds(2))
            broker.publish(Message("sent"), to: "", routingKey: "q", options: options) { outcome.append($0) }
            try await unconfirming.stop(afterLosing: 1)
            let sent = try await outcome.first()[0]
            await expectError(.outcomeUnknown) { try sent.get() }
            // What was never sent is another matter.
            await expectError(.notSent) {
                let options = PublishOptions(timeout: .milliseconds(50))
                try await broker.publish(Message("never"), to: "", routingKey: "q", options: options)
            }
        }
    }
}
