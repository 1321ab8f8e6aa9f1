import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct DeliveryConformanceTests {
    /// Runs `body` with a broker that has the queue `q` with `count` messages, "0" and up.
    private func withQueue(
        on kind: TestBroker,
        of count: Int,
        _ body: @escaping @Sendable (BrokerFixture, any Broker) async throws -> Void
    ) async throws {
        try await kind.withFixture { fixture in
            let broker = fixture.broker
            try await broker.declare(Topology(queues: [Queue("q")]))
            for number in 0..<count { try await broker.send("\(number)", to: "q") }
            try await body(fixture, broker)
        }
    }

    @Test(arguments: TestBroker.allCases) func messagesArriveInOrder(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 50) { _, broker in
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 3)) {
                deliveries.append($0)
                $0.token.settle(.ack)
            }
            for number in 50..<100 { try await broker.send("\(number)", to: "q") }
            #expect(try await deliveries.first(100).map(\.mark) == (0..<100).map(String.init))
            await consumer.close()
            try await broker.expectReady(0, in: "q")
        }
    }

    @Test(arguments: TestBroker.allCases) func consumersTakeTurns(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 0) { _, broker in
            let deliveries = [Collector<Delivery>(), Collector<Delivery>(), Collector<Delivery>()]
            var consumers: [any Consumer] = []
            for collector in deliveries { consumers.append(try await broker.consume("q") { collector.append($0) }) }
            for number in 0..<9 { try await broker.send("\(number)", to: "q") }
            for (index, collector) in deliveries.enumerated() {
                #expect(try await collector.first(3).map(\.mark) == ["\(index)", "\(index + 3)", "\(index + 6)"])
            }
            for consumer in consumers { await consumer.close() }
            try await broker.expectContents((0..<9).map(String.init), of: "q")
        }
    }

    @Test(arguments: TestBroker.allCases) func aTokenIsHeldAsLongAsItsChannelLives(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 2) { _, broker in
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q") { deliveries.append($0) }
            let tokens = try await deliveries.first(2).map(\.token)
            await consumer.cancel()
            tokens[0].settle(.ack)
            #expect(tokens.map(\.loss) == [nil, nil])
            await consumer.close()
            #expect(tokens.map(\.loss) == [.returned, .returned])
            try await broker.expectContents(["1"], of: "q")
        }
    }

    @Test(arguments: TestBroker.allCases) func aConsumerGetsNoMoreThanItsPrefetch(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 6) { _, broker in
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 2)) {
                deliveries.append($0)
            }
            try await deliveries.first(2)
            #expect(try await broker.inspect(queue: "q").messageCount == 4)
            deliveries.elements[0].token.settle(.ack)
            try await deliveries.first(3)
            #expect(try await broker.inspect(queue: "q").messageCount == 3)
            deliveries.elements[2].token.settle(.reject)
            try await deliveries.first(4)
            #expect(try await broker.inspect(queue: "q").messageCount == 2)
            #expect(deliveries.elements.map(\.mark) == ["0", "1", "2", "3"])
            await consumer.close()
        }
    }

    @Test(arguments: TestBroker.allCases) func aFullConsumerLeavesTheRestToOthers(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 0) { _, broker in
            let busy = Collector<Delivery>()
            let free = Collector<Delivery>()
            let first = try await broker.consume("q", options: ConsumerOptions(prefetch: 1)) { busy.append($0) }
            let second = try await broker.consume("q", options: ConsumerOptions(prefetch: 10)) { free.append($0) }
            for number in 0..<5 { try await broker.send("\(number)", to: "q") }
            #expect(try await free.first(4).map(\.text) == ["1", "2", "3", "4"])
            #expect(try await busy.first(1).map(\.text) == ["0"])
            await first.close()
            await second.close()
        }
    }

    @Test(arguments: TestBroker.allCases) func prefetchCountsForEachConsumer(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 10) { _, broker in
            let one = Collector<Delivery>()
            let two = Collector<Delivery>()
            let first = try await broker.consume("q", options: ConsumerOptions(prefetch: 2)) { one.append($0) }
            let second = try await broker.consume("q", options: ConsumerOptions(prefetch: 3)) { two.append($0) }
            try await one.first(2)
            try await two.first(3)
            #expect(try await broker.inspect(queue: "q").messageCount == 5)
            await first.close()
            await second.close()
        }
    }

    @Test(arguments: TestBroker.allCases)
    func withoutAcknowledgementsAMessageIsDoneWhenItIsSent(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 50) { _, broker in
            let deliveries = Collector<Delivery>()
            let options = ConsumerOptions(prefetch: 1, automaticAcknowledgement: true)
            let consumer = try await broker.consume("q", options: options) {
                deliveries.append($0)
                $0.token.settle(.requeue)
            }
            #expect(try await deliveries.first(50).map(\.mark) == (0..<50).map(String.init))
            await consumer.close()
            try await broker.expectReady(0, in: "q")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aRequeuedMessageComesAgainAtItsPlace(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 5) { _, broker in
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 3)) {
                deliveries.append($0)
            }
            try await deliveries.first(3)
            await consumer.cancel()
            for index in [2, 0, 1] { deliveries.elements[index].token.settle(.requeue) }
            await consumer.close()
            let again = Collector<Delivery>()
            let second = try await broker.consume("q", options: ConsumerOptions(prefetch: 10)) {
                again.append($0)
                $0.token.settle(.ack)
            }
            #expect(try await again.first(5).map(\.mark) == ["0 again", "1 again", "2 again", "3", "4"])
            await second.close()
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aRequeuedMessageIsDeliveredBeforeLaterOnes(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 4) { _, broker in
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 1)) { delivery in
                deliveries.append(delivery)
                delivery.token.settle(delivery.redelivered || delivery.text != "1" ? .ack : .requeue)
            }
            #expect(try await deliveries.first(5).map(\.mark) == ["0", "1", "1 again", "2", "3"])
            await consumer.close()
        }
    }

    @Test(arguments: TestBroker.allCases) func aRejectedMessageIsGone(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 3) { _, broker in
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q") {
                deliveries.append($0)
                $0.token.settle(.reject)
            }
            try await deliveries.first(3)
            await consumer.close()
            try await broker.expectReady(0, in: "q")
            #expect(deliveries.count == 3)
        }
    }

    @Test(
        .bug(
            "https://github.com/smallrye/smallrye-reactive-messaging/issues/1770",
            "SmallRye: a second acknowledgement restarts the client"
        ),
        arguments: TestBroker.allCases
    )
    func aTokenCountsOnce(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 2) { _, broker in
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 1)) {
                deliveries.append($0)
            }
            let first = try await deliveries.first()[0]
            #expect(first.token.settle(.ack))
            #expect(!first.token.settle(.requeue))
            #expect(!first.token.settle(.ack))
            try await deliveries.first(2)[1].token.settle(.ack)
            await consumer.close()
            try await broker.expectReady(0, in: "q")
            #expect(deliveries.elements.map(\.mark) == ["0", "1"])
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aDeliveryThatIsForgottenComesAgain(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 1) { _, broker in
            let marks = Collector<String>()
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 1)) { delivery in
                marks.append(delivery.mark)
                if delivery.redelivered { delivery.token.settle(.ack) }
            }
            #expect(try await marks.first(2) == ["0", "0 again"])
            await consumer.close()
            try await broker.expectReady(0, in: "q")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aCancelledConsumerGetsNothingMoreAndCanStillSettle(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 2) { _, broker in
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 5)) {
                deliveries.append($0)
            }
            try await deliveries.first(2)
            #expect(consumer.isActive)
            await consumer.cancel()
            #expect(!consumer.isActive)
            #expect(try await broker.inspect(queue: "q").consumerCount == 0)
            try await broker.send("2", to: "q")
            #expect(try await broker.inspect(queue: "q").messageCount == 1)
            for delivery in deliveries.elements { delivery.token.settle(.ack) }
            await consumer.cancel()
            await consumer.close()
            await consumer.close()
            #expect(deliveries.count == 2)
            try await broker.expectContents(["2"], of: "q")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whatAClosedConsumerLeftComesAgainInOrder(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 5) { _, broker in
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 4)) {
                deliveries.append($0)
            }
            try await deliveries.first(4)
            await consumer.cancel()
            deliveries.elements[1].token.settle(.ack)
            await consumer.close()
            // Its tokens are dead.
            deliveries.elements[0].token.settle(.ack)
            try await broker.expectReady(4, in: "q")
            let again = Collector<Delivery>()
            let second = try await broker.consume("q") { again.append($0) }
            #expect(try await again.first(4).map(\.mark) == ["0 again", "2 again", "3 again", "4"])
            await second.close()
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whatAClosedConnectionLeftComesAgainInOrder(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 4) { fixture, broker in
            let deliveries = Collector<Delivery>()
            try await fixture.withConnection { other in
                _ = try await other.consume("q", options: ConsumerOptions(prefetch: 3)) { deliveries.append($0) }
                try await deliveries.first(3)
            }
            try await broker.expectReady(4, in: "q")
            let again = Collector<Delivery>()
            let second = try await broker.consume("q") { again.append($0) }
            #expect(try await again.first(4).map(\.mark) == ["0 again", "1 again", "2 again", "3"])
            await second.close()
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whatOneConsumerReturnsAnotherGets(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 1) { _, broker in
            let one = Collector<Delivery>()
            let two = Collector<Delivery>()
            let first = try await broker.consume("q", options: ConsumerOptions(prefetch: 1)) { one.append($0) }
            try await one.first()
            let second = try await broker.consume("q") { two.append($0) }
            await first.close()
            #expect(try await two.first().map(\.mark) == ["0 again"])
            await second.close()
        }
    }

    @Test(arguments: TestBroker.allCases)
    func anExclusiveConsumerIsAlone(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 0) { _, broker in
            let exclusive = ConsumerOptions(exclusive: true)
            let first = try await broker.consume("q", options: exclusive) { _ in }
            let error = await expectError(.accessRefused) { _ = try await broker.consume("q") { _ in } }
            #expect(error?.message.contains("in exclusive use") == true)
            await expectError(.accessRefused) { _ = try await broker.consume("q", options: exclusive) { _ in } }
            await first.close()
            let second = try await broker.consume("q") { _ in }
            await expectError(.accessRefused) { _ = try await broker.consume("q", options: exclusive) { _ in } }
            await second.close()
            await (try broker.consume("q", options: exclusive) { _ in }).close()
        }
    }

    @Test(arguments: TestBroker.allCases)
    func consumersOfHigherPriorityAreServedFirst(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 0) { _, broker in
            let low = Collector<Delivery>()
            let high = Collector<Delivery>()
            let first = try await broker.consume("q", options: ConsumerOptions(prefetch: 10)) { low.append($0) }
            let second = try await broker.consume("q", options: ConsumerOptions(prefetch: 2, priority: 5)) {
                high.append($0)
            }
            for number in 0..<4 { try await broker.send("\(number)", to: "q") }
            #expect(try await high.first(2).map(\.text) == ["0", "1"])
            #expect(try await low.first(2).map(\.text) == ["2", "3"])
            await first.close()
            await second.close()
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aConsumerIsServedAgainWhenItsQueueIsDeclaredAgain(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 0) { _, broker in
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q") {
                deliveries.append($0)
                $0.token.settle(.ack)
            }
            try await broker.delete(queue: "q")
            try await broker.declare(Topology(queues: [Queue("q")]))
            try await broker.send("x", to: "q")
            #expect(try await deliveries.first().map(\.text) == ["x"])
            #expect(consumer.isActive)
            await consumer.close()
            #expect(try await broker.inspect(queue: "q").consumerCount == 0)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aDeliveryHandlerMayPublishAndSettle(on kind: TestBroker) async throws {
        try await self.withQueue(on: kind, of: 20) { _, broker in
            try await broker.declare(Topology(queues: [Queue("copies")]))
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 2)) { delivery in
                let options = PublishOptions(mandatory: true)
                broker.publish(delivery.message, to: "", routingKey: "copies", options: options) { result in
                    guard case .success = result else { return }
                    delivery.token.settle(.ack)
                }
            }
            try await broker.expectReady(20, in: "copies")
            await consumer.close()
            try await broker.expectContents((0..<20).map(String.init), of: "copies")
            try await broker.expectReady(0, in: "q")
        }
    }

    @Test(arguments: TestBroker.allCases, [0, 65_536])
    func aPrefetchThatCannotBeIsRefused(on kind: TestBroker, prefetch: Int) async throws {
        try await self.withQueue(on: kind, of: 0) { _, broker in
            await expectError(.invalidArgument) {
                _ = try await broker.consume("q", options: ConsumerOptions(prefetch: prefetch)) { _ in }
            }
        }
    }
}
