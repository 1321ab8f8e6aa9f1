import EnokiAMQP
import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Logging
import Testing

@testable import EnokiRabbitMQ

/// The transport with a broker that breaks off, falls silent, or sends what no broker sends.
@Suite(.timeLimit(.minutes(5))) struct HostilePeerTests {
    private static let impatiently: @Sendable (inout RabbitMQConfiguration) -> Void = {
        $0.reconnect = ReconnectBackoff(initial: .milliseconds(10), maximum: .milliseconds(100))
        $0.heartbeat = .seconds(1)
        $0.connectionTimeout = .seconds(1)
        $0.callTimeout = .seconds(1)
    }

    /// The errors after which it may help to try again.
    private static let passing: [BrokerError.Code] = [
        .timedOut, .outcomeUnknown, .notSent, .connectionLost, .protocolViolation,
    ]

    /// Runs a transport to a port where something goes wrong.
    private func withTransport<Result: Sendable>(
        _ faults: WireFaultPlan,
        logger: Logger = .silent,
        _ body: @Sendable (RabbitMQBroker, AMQPPort) async throws -> Result
    ) async throws -> Result {
        try await InProcessBroker(logger: .silent).listen(faults: faults, logger: .silent) { port in
            try await withTransportBroker(to: port.uri(), Self.impatiently, logger: logger) { try await body($0, port) }
        }
    }

    /// What has to work in the end, whatever happened before: to declare, to consume, to publish with a confirm.
    private func expectWork(_ broker: RabbitMQBroker, messages: Int = 3) async throws {
        let queue = Queue("work", durable: true)
        try await self.insist { try await broker.declare(Topology(queues: [queue])) }
        let handled = Locked<Set<String>>([])
        try await self.insist {
            _ = try await broker.consume(queue.name, options: ConsumerOptions(prefetch: 2)) { delivery in
                handled.withLock { _ = $0.insert(String(decoding: delivery.message.body, as: UTF8.self)) }
                delivery.token.settle(.ack)
            }
        }
        let options = PublishOptions(persistent: true, timeout: .seconds(1))
        for number in 0..<messages {
            try await self.insist {
                try await broker.publish(Message("\(number)"), to: "", routingKey: queue.name, options: options)
            }
        }
        let expected = Set((0..<messages).map(String.init))
        try await EnokiTestSupport.eventually("all is handled", equals: expected) { handled.withLock { $0 } }
        await broker.reaches { $0 == .connected }
    }

    /// Does it again where the error says that it may help.
    private func insist(_ call: () async throws -> Void) async throws {
        while true {
            do {
                return try await call()
            } catch let error as BrokerError where Self.passing.contains(error.code) {
                try Task.checkCancellation()
            }
        }
    }

    private func expectRecovery(from faults: WireFault...) async throws {
        let recorder = LogRecorder()
        try await self.withTransport(WireFaultPlan(faults), logger: recorder.logger) { broker, port in
            do {
                try await self.expectWork(broker)
                #expect(port.faults == faults)
            } catch {
                Issue.record(error, "\(faults): \(recorder.recorded.suffix(20))")
            }
        }
    }

    // MARK: - The login

    static let handshake: [WireFault.Step] = [
        .accepts(), .receives(.protocolHeader), .sends(.connectionStart), .receives(.connectionStartOk),
        .sends(.connectionTune), .receives(.connectionTuneOk), .receives(.connectionOpen), .sends(.connectionOpenOk),
    ]

    @Test(arguments: Self.handshake)
    func aConnectionThatEndsAtAnyStepOfTheLoginIsMadeAgain(step: WireFault.Step) async throws {
        for fault: WireFault in [
            .close(before: step), .close(after: step), .reset(before: step), .reset(after: step),
            .halfClose(before: step), .halfClose(after: step),
        ] {
            try await self.expectRecovery(from: fault)
        }
    }

    @Test(arguments: Self.handshake)
    func whoIsToFailFastIsToldOfAConnectionThatEndsInTheLogin(step: WireFault.Step) async throws {
        let faults: WireFaultPlan = [.close(before: step)]
        try await InProcessBroker(logger: .silent).listen(faults: faults, logger: .silent) { port in
            var configuration = try RabbitMQConfiguration(uri: port.uri())
            configuration.failFast = true
            let broker = RabbitMQBroker(configuration: configuration, logger: .silent)
            let error = await #expect(throws: BrokerError.self) { try await broker.run() }
            #expect(
                [.connectionFailed, .loginRefused, .vhostNotFound].contains(error?.code),
                "\(String(describing: error))"
            )
            #expect(error?.message.contains("127.0.0.1:\(port.number)") == true)
        }
    }

    @Test(arguments: Self.handshake)
    func aPeerThatFallsSilentInTheLoginIsGivenUp(step: WireFault.Step) async throws {
        try await self.expectRecovery(from: .silence(after: step))
        try await self.expectRecovery(from: .blackhole(after: step))
    }

    @Test(arguments: [
        WireFault.cut(.sends(.connectionStart), afterBytes: 100), .wrongEnd(of: .sends(.connectionStart)),
        .wrongSize(of: .sends(.connectionStart), by: 1), .wrongSize(of: .sends(.connectionStart), is: .max),
        .wrongSize(of: .sends(.connectionTune), by: -1), .wrongSize(of: .sends(.connectionTune), is: 3),
        .flip(byte: 0, of: .sends(.connectionTune)), .flip(byte: 10, of: .sends(.connectionTune)),
        .duplicate(.sends(.connectionTune)), .lose(.sends(.connectionTune)), .lose(.sends(.connectionOpenOk)),
        .lose(.receives(.connectionTuneOk)), .inject([0, 1, 2, 3], after: .accepts()),
        .inject(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), after: .receives(.protocolHeader)),
        .inject(Array("AMQP".utf8) + [3, 1, 0, 0], after: .receives(.protocolHeader)),
    ])
    func aLoginThatMakesNoSenseIsTriedAgain(fault: WireFault) async throws {
        try await self.expectRecovery(from: fault)
    }

    @Test func theServersPropertiesCanBeNestedAsDeepAsTheyLike() async throws {
        let start =
            Self.method(10, 10) + [0, 9] + Self.nestedTable(depth: 18_000) + Self.long(Array("PLAIN".utf8))
            + Self.long([])
        try await self.expectRecovery(
            from: .injectFrame(channel: 0, payload: start, after: .receives(.protocolHeader)),
            .close(before: .receives(.connectionStartOk))
        )
    }

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
            try await self.expectRecovery(from: fault)
        }
    }

    @Test func withoutHeartbeatsAnIdleConnectionIsLostAndMadeAgain() async throws {
        let plan: WireFaultPlan = [.stopHeartbeats(after: .accepts(1)), .stopHeartbeats(after: .accepts(2))]
        try await self.withTransport(plan) { broker, port in
            await broker.reaches { $0 == .connected }
            await broker.reaches {
                if case .connecting(_, let reason?) = $0 { reason.contains("silent") } else { false }
            }
            try await self.expectWork(broker)
        }
    }

    @Test func blockedPublishersGoOnWhenTheyAreUnblocked() async throws {
        try await self.expectRecovery(from: .blockPublishers(after: .sends(.basicAck), for: .milliseconds(300)))
    }

    @Test func aSlowConnectionIsNoLostOne() async throws {
        let plan: WireFaultPlan = [
            .throttle(after: .sends(.confirmSelectOk), bytesPerSecond: 4000),
            .delay(.sends(.basicAck), by: .seconds(1)),
        ]
        try await self.withTransport(plan) { broker, port in
            try await self.insist { try await broker.declare(Topology(queues: [Queue("q")])) }
            // Two and a half heartbeats long.
            try await broker.publish(Message(body: [UInt8](repeating: 7, count: 10_000)), to: "", routingKey: "q")
            #expect(try await broker.inspect(queue: "q").messageCount == 1)
            await broker.reaches { $0 == .connected }
        }
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
        try await self.withTransport(plan) { broker, port in
            try await self.insist { try await broker.declare(Topology(queues: [Queue("q", durable: true)])) }
            let bodies = Mailbox<String>()
            let consumer = try await broker.consume("q") { delivery in
                bodies.put(String(decoding: delivery.message.body, as: UTF8.self))
                delivery.token.settle(.ack)
            }
            try await EnokiTestSupport.eventually("both have happened", equals: 2) { port.faults.count }
            try await EnokiTestSupport.eventually("it is served") { consumer.isActive }
            await broker.reaches { $0 == .connected }
            try await self.insist { try await broker.publish(Message("x"), to: "", routingKey: "q") }
            #expect(try await bodies.next() == "x")
        }
    }

    @Test func aLateConfirmIsNobodysAndTheNextMessagesGetTheirs() async throws {
        let plan: WireFaultPlan = [.delay(.sends(.basicAck), by: .seconds(1))]
        try await self.withTransport(plan) { broker, _ in
            try await self.insist { try await broker.declare(Topology(queues: [Queue("q")])) }
            let outcomes = Mailbox<Result<Void, BrokerError>>()
            let options = PublishOptions(timeout: .milliseconds(100))
            try await self.expectOutcomeUnknown {
                broker.publish(Message("late"), to: "", routingKey: "q", options: options) { outcomes.put($0) }
                try await outcomes.next().get()
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
        let faults: WireFaultPlan = [.delay(.sends(.basicAck), by: .seconds(1))]
        try await InProcessBroker(logger: .silent).listen(faults: faults, logger: .silent) { port in
            try await withTransportBroker(to: port.uri(), { $0.maxUnconfirmed = 2 }, logger: .silent) { broker in
                try await broker.declare(Topology(queues: [Queue("q")]))
                let outcomes = Mailbox<Result<Void, BrokerError>>()
                for number in 0..<50 {
                    broker.publish(Message("\(number)"), to: "", routingKey: "q", options: PublishOptions()) {
                        outcomes.put($0)
                    }
                }
                try await EnokiTestSupport.eventually("the first two are sent", equals: 2) {
                    try await broker.inspect(queue: "q").messageCount
                }
                for _ in 0..<50 {
                    let count = try await broker.inspect(queue: "q").messageCount
                    // While nothing is confirmed.
                    if outcomes.isEmpty { #expect(count == 2) }
                }
                for _ in 0..<50 { try await outcomes.next().get() }
                #expect(try await broker.inspect(queue: "q").messageCount == 50)
            }
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
        try await self.withTransport([.lose(.sends(.basicAck))], logger: recorder.logger) { broker, _ in
            try await self.insist { try await broker.declare(Topology(queues: [Queue("q")])) }
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

    // MARK: - Frames

    @Test(arguments: [
        WireFault.FrameKind.channelOpenOk, .confirmSelectOk, .queueDeclareOk, .basicQosOk, .basicConsumeOk,
        .basicDeliver,
        .contentHeader, .contentBody, .basicAck,
    ])
    func aFrameThatIsWrongCostsNoMoreThanItsConnection(kind: WireFault.FrameKind) async throws {
        let frame = WireFault.FrameStep.sends(kind)
        for fault: WireFault in [
            .wrongEnd(of: frame), .wrongSize(of: frame, by: 1), .wrongSize(of: frame, by: -1),
            .wrongSize(of: frame, is: 1 << 24), .wrongSize(of: frame, is: .max), .cut(frame, afterBytes: 9),
            .flip(byte: 0, of: frame), .flip(byte: 1, of: frame), .flip(byte: 8, of: frame), .lose(frame),
            .duplicate(frame),
        ] {
            try await self.expectRecovery(from: fault)
        }
    }

    @Test(arguments: [0, 1, 5, 1 << 20, 1 << 32, 1 << 62, .max] as [UInt64])
    func aBodyThatIsAnnouncedOtherwiseThanItComesCostsNoMoreThanItsConnection(size: UInt64) async throws {
        try await self.withTransport([.announceBody(of: size, in: .sends(2))]) { broker, port in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let bodies = Locked<Set<String>>([])
            _ = try await broker.consume("q", options: ConsumerOptions(prefetch: 1)) { delivery in
                bodies.withLock { _ = $0.insert(String(decoding: delivery.message.body, as: UTF8.self)) }
                delivery.token.settle(.ack)
            }
            for text in ["first", "the second", "third"] {
                try await self.insist { try await broker.publish(Message(text), to: "", routingKey: "q") }
            }
            try await EnokiTestSupport.eventually("the others came") {
                bodies.withLock { $0.isSuperset(of: ["first", "third"]) }
            }
            #expect(port.faults.count == 1)
            await broker.reaches { $0 == .connected }
        }
    }

    /// What a broker has no reason to send: its kind, its channel, its payload.
    static let nonsense: [(UInt8, UInt16, [UInt8])] = [
        // Too short for a method, without arguments, of no class.
        (1, 0, [0, 60, 0]), (1, 1, [0, 60, 0]), (1, 1, []), (1, 1, method(60, 60)), (1, 1, method(50, 11)),
        (1, 0, method(99, 99)), (1, 1, method(60, 99)),
        // On channels that are not open.
        (1, 77, deliver), (1, 77, method(60, 80) + [0, 0, 0, 0, 0, 0, 0, 1, 0]), (2, 77, header), (3, 77, [1]),
        (1, 0, deliver), (2, 0, header), (3, 0, [1]),
        // Content without a method, methods without content.
        (3, 1, [1, 2, 3]), (2, 1, header), (2, 1, method(60, 0) + [UInt8](repeating: 255, count: 8)), (1, 1, deliver),
        (1, 1, method(60, 50) + [1, 56, 0, 0, 0]),
        // Of consumers, publishes and calls that nobody knows.
        (1, 1, method(60, 80) + [0, 0, 0, 0, 0, 0, 0, 99, 0]), (1, 1, method(60, 80) + [0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (1, 1, method(60, 120) + [255, 255, 255, 255, 255, 255, 255, 255, 1]), (1, 1, method(60, 30) + [1, 65, 1]),
        (1, 1, method(50, 11) + [1, 65, 0, 0, 0, 0, 0, 0, 0, 0]), (1, 1, method(20, 11) + [0, 0, 0, 0]),
        (1, 1, method(85, 11)), (1, 1, method(20, 41)), (1, 0, method(10, 51)),
        (1, 0, method(10, 30) + [0, 0, 0, 0, 0, 0, 0, 0]),
        // What only clients send.
        (1, 1, method(60, 40) + [0, 0, 0, 0, 0]), (1, 0, method(10, 40) + [1, 47, 0, 0]),
        // The end, without a reason.
        (1, 1, method(20, 40) + [1, 144, 0, 0, 0, 0, 0]), (1, 0, method(10, 50) + [1, 64, 0, 0, 0, 0, 0]),
        (1, 1, method(20, 40) + [1, 144, 255]),
        // Flow control, which RabbitMQ has given up.
        (1, 1, method(20, 20) + [0]),
        // Heartbeats as they must not be, and no frame at all.
        (8, 1, []), (8, 0, [1]), (9, 0, []), (0, 0, [0]),
    ]

    @Test(arguments: Self.nonsense.indices)
    func whatMakesNoSenseCostsNoMoreThanItsConnection(index: Int) async throws {
        let (type, channel, payload) = Self.nonsense[index]
        // Towards a connection that publishes, and towards one that consumes.
        for step: WireFault.Step in [.sends(.basicAck), .sends(.contentBody)] {
            try await self.expectRecovery(
                from: .injectFrame(type: type, channel: channel, payload: payload, after: step)
            )
        }
    }

    @Test func aHeaderThatIsNestedTooDeepCostsItsMessageAlone() async throws {
        let header = Self.method(60, 0) + [0, 0, 0, 0, 0, 0, 0, 5, 0x20, 0] + Self.nestedTable(depth: 18_000)
        let plan: WireFaultPlan = [
            .injectFrame(type: 2, channel: 2, payload: header, after: .sends(.basicDeliver)),
            .lose(.sends(.contentHeader)),
        ]
        try await self.withTransport(plan) { broker, port in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let bodies = Mailbox<String>()
            _ = try await broker.consume("q") { delivery in
                bodies.put(String(decoding: delivery.message.body, as: UTF8.self))
                delivery.token.settle(.ack)
            }
            for text in ["first", "second"] { try await broker.publish(Message(text), to: "", routingKey: "q") }
            #expect(try await bodies.next() == "second")
            #expect(port.faults.count == 2)
            #expect(broker.status == .connected)
        }
    }

    // MARK: - By seed

    @Test(arguments: 0..<16 as Range<UInt64>)
    func nothingConfirmedIsLostWhateverHappensToTheWire(seed: UInt64) async throws {
        let kinds: WireFaultPlan.Kind = [
            .passing, .wrongSizes, .losses, .duplicates, .silences, .blackholes, .stoppedHeartbeats, .throttles,
            .blockedPublishers,
        ]
        try await self.withTransport(.random(seed: seed, rate: 0.02, kinds: kinds)) { broker, port in
            do {
                try await self.expectWork(broker, messages: 30)
            } catch {
                Issue.record(error, "\(port.faults)")
            }
        }
    }

    @Test(arguments: 0..<16 as Range<UInt64>)
    func everythingEndsWhateverHappensToTheWire(seed: UInt64) async throws {
        try await self.withTransport(.random(seed: seed, rate: 0.05, kinds: .all)) { broker, _ in
            let outcomes = Mailbox<Result<Void, BrokerError>>()
            let options = PublishOptions(timeout: .seconds(2))
            _ = try? await broker.declare(Topology(queues: [Queue("q")]))
            _ = try? await broker.consume("q") { $0.token.settle(.ack) }
            for number in 0..<50 {
                broker.publish(Message("\(number)"), to: "", routingKey: "q", options: options) { outcomes.put($0) }
                _ = try? await broker.inspect(queue: "q")
            }
            for _ in 0..<50 { _ = try await outcomes.next() }
        }
    }

    // MARK: - Payloads

    private static func method(_ classID: UInt8, _ methodID: UInt8) -> [UInt8] { [0, classID, 0, methodID] }

    /// `basic.deliver` to consumer `A`, from the default exchange.
    private static let deliver = method(60, 60) + [1, 65, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]

    /// A content header of a body of one byte.
    private static let header = method(60, 0) + [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]

    /// A table in a table in a table.
    private static func nestedTable(depth: Int) -> [UInt8] {
        (0..<depth).flatMap { Self.size(7 * (depth - $0)) + [1, 0x6E, 0x46] } + Self.size(0)
    }

    /// Bytes with their number before them.
    private static func long(_ bytes: [UInt8]) -> [UInt8] {
        Self.size(bytes.count) + bytes
    }

    private static func size(_ count: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) }
    }
}
