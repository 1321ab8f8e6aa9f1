import EnokiAMQP
import EnokiBroker
import EnokiInProcess
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

/// The transport with a broker that breaks off, falls silent, or leaves something without an answer.
@Suite(.timeLimit(.minutes(5))) struct HostilePeerTests {
    // MARK: - The connection

    @Test(arguments: [
        WireFault.Step.sends(.channelOpenOk), .sends(.confirmSelectOk), .sends(.queueDeclareOk),
        .sends(.basicConsumeOk),
        .sends(.basicDeliver), .sends(.contentHeader), .sends(.basicAck), .receives(.basicPublish),
        .receives(.contentHeader), .receives(.basicAck),
    ])
    func aConnectionThatEndsOrFallsSilentIsMadeAgain(step: WireFault.Step) async throws {
        for fault: WireFault in [
            .close(before: step), .reset(after: step), .halfClose(after: step), .silence(after: step),
            .blackhole(after: step),
        ] {
            try await HostilePeer.expectRecovery(from: fault)
        }
    }

    @Test func withoutHeartbeatsAnIdleConnectionIsLostAndMadeAgain() async throws {
        let plan: WireFaultPlan = [.stopHeartbeats(after: .accepts(1)), .stopHeartbeats(after: .accepts(2))]
        let recorder = LogRecorder()
        try await HostilePeer.withTransport(plan, logger: recorder.logger) { broker, port in
            await broker.reaches { $0 == .connected }
            // The status says so for a moment only.
            try await EnokiTestSupport.eventually("the silence is noticed") {
                recorder.recorded.contains { $0.contains("lost the connection") && $0.contains("silent") }
            }
            try await HostilePeer.expectWork(broker)
        }
    }

    @Test func blockedPublishersGoOnWhenTheyAreUnblocked() async throws {
        try await HostilePeer.expectRecovery(from: .blockPublishers(after: .sends(.basicAck), for: .milliseconds(300)))
    }

    @Test func aSlowConnectionIsNoLostOne() async throws {
        let plan: WireFaultPlan = [
            .throttle(after: .sends(.confirmSelectOk), bytesPerSecond: 800),
            .delay(.sends(.basicAck), by: .seconds(2)),
        ]
        let recorder = LogRecorder()
        try await HostilePeer.withTransport(plan, HostilePeer.patiently, logger: recorder.logger) { broker, port in
            try await broker.declare(Topology(queues: [Queue("q")]))
            // Two and a half heartbeats long.
            let message = Message(body: [UInt8](repeating: 7, count: 10_000))
            let options = PublishOptions(timeout: .seconds(120))
            try await broker.publish(message, to: "", routingKey: "q", options: options)
            #expect(try await broker.inspect(queue: "q").messageCount == 1)
            await broker.reaches { $0 == .connected }
            #expect(port.faults.count == 2)
        }
        #expect(!recorder.recorded.contains { $0.contains("lost the connection") })
        #expect(recorder.recorded.filter { $0.contains("connected to RabbitMQ") }.count == 2)
    }

    // MARK: - What does not come

    @Test(
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/5692",
            "MassTransit: connected again, and some consumers are not"
        ),
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/5942",
            "MassTransit: an endpoint stays faulted after a restart of the broker"
        ),
        .bug("https://github.com/mosquito/aio-pika/issues/231", "aio-pika: connected again, and nobody consumes"),
        .bug("https://github.com/ag2ai/faststream/issues/2758", "FastStream: connected again, and nobody consumes"),
        .bug(
            "https://github.com/golevelup/nestjs/issues/691",
            "NestJS: connected again, in one of five cases nobody consumes"
        )
    )
    func aConsumerThatNobodyServesIsServedAgain() async throws {
        let plan: WireFaultPlan = [
            .close(after: .sends(.basicConsumeOk, 1)), .lose(.sends(.basicConsumeOk, 2)),
        ]
        try await HostilePeer.withTransport(plan) { broker, port in
            try await HostilePeer.insist { try await broker.declare(Topology(queues: [Queue("q", durable: true)])) }
            let bodies = Mailbox<String>()
            let consumer = try await HostilePeer.insist {
                try await broker.consume("q") { delivery in
                    bodies.put(String(decoding: delivery.message.body, as: UTF8.self))
                    delivery.token.settle(.ack)
                }
            }
            try await EnokiTestSupport.eventually("both have happened", equals: 2) { port.faults.count }
            try await EnokiTestSupport.eventually("it is served") { consumer.isActive }
            await broker.reaches { $0 == .connected }
            try await HostilePeer.insist { try await broker.publish(Message("x"), to: "", routingKey: "q") }
            #expect(try await bodies.next() == "x")
        }
    }

    @Test func theChannelOfAConsumeThatIsNotAnsweredInTimeIsUsedAgain() async throws {
        // A broker that allows four channels: one is for the topology, three are for consumers.
        let tune = WirePayload.method(10, 30) + [0, 4, 0, 2, 0, 0, 0, 10]
        let fewChannels: [WireFault] = [1, 2].flatMap { connection in
            [
                WireFault.injectFrame(channel: 0, payload: tune, after: .receives(.connectionStartOk)),
                .lose(.sends(.connectionTune)),
            ].map { $0.onConnection(connection) }
        }
        let lost = (1...5).map { WireFault.lose(.sends(.basicConsumeOk, $0)) }
        let settings: @Sendable (inout RabbitMQConfiguration) -> Void = {
            HostilePeer.patiently(&$0)
            $0.callTimeout = .seconds(4)
        }
        try await HostilePeer.withTransport(WireFaultPlan(fewChannels + lost), settings) { broker, port in
            try await HostilePeer.insist { try await broker.declare(Topology(queues: [Queue("q")])) }
            while !lost.allSatisfy(port.faults.contains) {
                do throws(BrokerError) {
                    _ = try await broker.consume("q") { $0.token.settle(.ack) }
                    // Behind the fifth, to which the port has come too late.
                    let areLost = lost.allSatisfy(port.faults.contains)
                    #expect(areLost)
                } catch {
                    try #require(error.code == .timedOut, "\(error)")
                }
            }
            try await HostilePeer.insist { _ = try await broker.consume("q") { $0.token.settle(.ack) } }
        }
    }

    @Test func aLateConfirmIsNobodysAndTheNextMessagesGetTheirs() async throws {
        try await TransportServer.amqpPort.withProxiedTransport(Self.unhurriedly) { broker, proxy in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let outcomes = Mailbox<Result<Void, BrokerError>>()
            let options = PublishOptions(timeout: .milliseconds(100))
            // The confirm comes when nobody waits for it any more.
            try await proxy.holding(FaultProxy.Frame.basicAck) {
                try await self.expectOutcomeUnknown {
                    broker.publish(Message("late"), to: "", routingKey: "q", options: options) { outcomes.put($0) }
                    try await outcomes.next().get()
                }
            }
            for _ in 0..<3 { try await broker.publish(Message("next"), to: "", routingKey: "q") }
            #expect(outcomes.isEmpty)
            try await EnokiTestSupport.eventually("each is there once", equals: 4) {
                try await broker.inspect(queue: "q").messageCount
            }
            await broker.reaches { $0 == .connected }
        }
    }

    @Test func noMoreThanSoManyMessagesAreUnconfirmed() async throws {
        let settings: @Sendable (inout RabbitMQConfiguration) -> Void = {
            Self.unhurriedly(&$0)
            $0.maxUnconfirmed = 2
        }
        try await TransportServer.amqpPort.withProxiedTransport(settings) { broker, proxy in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let outcomes = Mailbox<Result<Void, BrokerError>>()
            let options = PublishOptions(timeout: .seconds(300))
            try await proxy.holding(FaultProxy.Frame.basicAck) {
                for number in 0..<50 {
                    broker.publish(Message("\(number)"), to: "", routingKey: "q", options: options) {
                        outcomes.put($0)
                    }
                }
                try await EnokiTestSupport.eventually("the first two are sent", equals: 2) {
                    try await broker.inspect(queue: "q").messageCount
                }
                for _ in 0..<50 { #expect(try await broker.inspect(queue: "q").messageCount == 2) }
                #expect(outcomes.isEmpty)
            }
            for _ in 0..<50 { try await outcomes.next().get() }
            #expect(try await broker.inspect(queue: "q").messageCount == 50)
        }
    }

    @Test(
        .bug(
            "https://github.com/OpenCTI-Platform/opencti/issues/16403",
            "OpenCTI: a publisher retries for ever on a channel that is dead"
        )
    )
    func aConfirmThatNeverComesCostsItsChannelAndNotTheConnection() async throws {
        let recorder = LogRecorder()
        let plan: WireFaultPlan = [.lose(.sends(.basicAck))]
        try await HostilePeer.withTransport(plan, HostilePeer.patiently, logger: recorder.logger) { broker, _ in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let options = PublishOptions(timeout: .milliseconds(100))
            try await self.expectOutcomeUnknown {
                try await broker.publish(Message("x"), to: "", routingKey: "q", options: options)
            }
            for _ in 0..<3 { try await broker.publish(Message("next"), to: "", routingKey: "q") }
            #expect(try await broker.inspect(queue: "q").messageCount == 4)
        }
        #expect(recorder.recorded.contains { $0.contains("opening another channel to publish on") })
        #expect(!recorder.recorded.contains { $0.contains("lost the connection") })
    }

    /// For what is held back until a test has looked, however long that takes: it must not cost the connection.
    private static let unhurriedly: @Sendable (inout RabbitMQConfiguration) -> Void = {
        HostilePeer.patiently(&$0)
        $0.heartbeat = .seconds(60)
    }

    /// Publishes until a message was sent and not confirmed; on a machine that is busy the first may not even be sent in time.
    private func expectOutcomeUnknown(_ publish: () async throws -> Void) async throws {
        while true {
            do {
                try await publish()
                Issue.record("confirmed")
                return
            } catch let error as BrokerError where error.code == .notSent {
                try Task.checkCancellation()
            } catch let error as BrokerError {
                #expect(error.code == .outcomeUnknown, "\(error)")
                return
            }
        }
    }
}
