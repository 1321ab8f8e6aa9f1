import EnokiBroker
import EnokiTestSupport
import Testing

@testable import EnokiRabbitMQ

@Suite(.timeLimit(.minutes(5))) struct UnsettledDeliveriesTests {
    @Test func eachIsToldOnceTheOldestFirstAndOnesThatAreSettledNever() {
        let start = ContinuousClock.now
        var unsettled = UnsettledDeliveries()
        for tag: UInt64 in 1...4 { unsettled.add(tag, messageID: "m\(tag)", at: start + .seconds(Int(tag))) }
        unsettled.settle(2)
        #expect(unsettled.overdue(at: start + .seconds(9), limit: .seconds(10)).isEmpty)
        let first = unsettled.overdue(at: start + .seconds(13), limit: .seconds(10))
        #expect(first.map(\.tag) == [1, 3] && first.map(\.messageID) == ["m1", "m3"])
        #expect(first.map(\.age) == [.seconds(12), .seconds(10)])
        #expect(unsettled.overdue(at: start + .seconds(14), limit: .seconds(10)).map(\.tag) == [4])
        #expect(unsettled.count == 3)
        unsettled.removeAll()
        #expect(unsettled.overdue(at: start + .seconds(99), limit: .seconds(10)).isEmpty)
    }

    @Test(arguments: TransportServer.allCases)
    func aDeliveryThatIsLeftUnsettledForHalfTheTimeThatTheBrokerWaitsIsWarnedOf(
        on server: TransportServer
    ) async throws {
        let recorder = LogRecorder()
        try await server.withPort {
            var configuration = try RabbitMQConfiguration(uri: server.uri)
            // Half of it is longer than a machine that is busy takes to settle what is settled at once.
            configuration.consumerTimeout = .seconds(8)
            let broker = RabbitMQBroker(
                configuration: configuration,
                logger: recorder.logger,
                watchInterval: .milliseconds(20)
            )
            try await withThrowingTaskGroup { group in
                group.addTask { try await broker.run() }
                let queue = Queue(.unique("slow"), exclusive: true)
                try await broker.declare(Topology(queues: [queue]))
                let mailbox = Mailbox<Delivery>()
                _ = try await broker.consume(queue.name) { delivery in
                    if delivery.message.properties.messageID == "settled" {
                        delivery.token.settle(.ack)
                    } else {
                        mailbox.put(delivery)
                    }
                }
                for id in ["settled", "slow"] {
                    let message = Message("x", properties: BasicProperties(messageID: id))
                    try await broker.publish(message, to: "", routingKey: queue.name)
                }
                let slow = try await mailbox.next()
                try await eventually("there is a warning") {
                    recorder.recorded.contains { $0.contains("consumer_timeout") }
                }
                slow.token.settle(.ack)
                group.cancelAll()
            }
            let warnings = recorder.recorded.filter { $0.contains("consumer_timeout") }
            #expect(warnings.count == 1)
            #expect(warnings[0].hasPrefix("warning") && warnings[0].contains(#""message_id": slow"#))
        }
    }

    @Test(
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/4544",
            "MassTransit: a consumer ends at the timeout for acknowledgements and does not come back"
        ),
        .bug(
            "https://github.com/amqp-rs/lapin/issues/357",
            "lapin: a consumer ends at the timeout for acknowledgements"
        ),
        .bug(
            "https://github.com/cody-greene/node-rabbitmq-client/issues/33",
            "node-rabbitmq-client: a consumer is stuck after the timeout for acknowledgements"
        )
    )
    func aChannelThatTheBrokerClosesOverASlowHandlerIsOpenedAgainAndNothingIsLost() async throws {
        try await RabbitMQNode.with { node in
            try await node.evaluate(
                """
                application:set_env(rabbit, consumer_timeout, 3000), \
                application:set_env(rabbit, channel_tick_interval, 500).
                """
            )
            let recorder = LogRecorder()
            try await withTransportBroker(to: node.uri, logger: recorder.logger) { broker in
                let queue = Queue("slow")
                try await broker.declare(Topology(queues: [queue]))
                // Before they are consumed: the second might come too late else.
                for text in ["slow", "other"] {
                    try await broker.publish(Message(text), to: "", routingKey: queue.name)
                }
                let mailbox = Mailbox<Delivery>()
                let consumer = try await broker.consume(queue.name, options: ConsumerOptions(prefetch: 2)) { delivery in
                    mailbox.put(delivery)
                    // At once, or the timeout might come again.
                    if delivery.redelivered { delivery.token.settle(.ack) }
                }
                let held = [try await mailbox.next(), try await mailbox.next()]
                // Both come again, on a channel that is new.
                let again = [try await mailbox.next(), try await mailbox.next()]
                #expect(again.map(\.message.body) == held.map(\.message.body) && again.allSatisfy(\.redelivered))
                for delivery in held {
                    #expect(delivery.token.loss == .returned)
                    delivery.token.settle(.ack)
                }
                await broker.reaches { $0 == .connected }
                #expect(consumer.isActive)
                await consumer.close()
                #expect(try await broker.inspect(queue: queue.name).messageCount == 0)
            }
            #expect(recorder.recorded.contains { $0.hasPrefix("error") && $0.contains("PRECONDITION_FAILED") })
            #expect(!recorder.recorded.contains { $0.contains("lost the connection") })
        }
    }
}
