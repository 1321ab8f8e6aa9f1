import EnokiAMQP
import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

/// The transport with a broker that sends frames that are wrong, or that make no sense.
@Suite(.timeLimit(.minutes(5))) struct HostileFrameTests {
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
            try await HostilePeer.expectRecovery(from: fault)
        }
    }

    /// Else the frame swallows all that follows, heartbeats too: connected for hours, and deaf.
    @Test(arguments: [
        WireFault.wrongSize(of: .sends(.basicDeliver), is: 65_000), .wrongSize(of: .sends(.contentBody), is: 65_000),
        .flip(byte: 4, of: .sends(.basicDeliver)), .flip(byte: 5, of: .sends(.contentHeader)),
        .flip(byte: 6, of: .sends(.basicDeliver)),
    ])
    func aSizeThatIsDamagedOnItsWayDoesNotLeaveAConnectionDeaf(fault: WireFault) async throws {
        try await HostilePeer.expectRecovery(from: fault)
    }

    @Test func aFrameThatDoesNotEndIsNamedInTheLog() async throws {
        let recorder = LogRecorder()
        let plan: WireFaultPlan = [.wrongSize(of: .sends(.basicDeliver), is: 10_000)]
        try await HostilePeer.withTransport(plan, logger: recorder.logger) { broker, _ in
            try await HostilePeer.expectWork(broker)
        }
        #expect(recorder.recorded.contains { $0.contains("a frame of 10000 bytes that the broker began") })
    }

    @Test(arguments: [(1, []), (0, [1])] as [(UInt16, [UInt8])])
    func aHeartbeatThatIsNoneEndsItsConnection(channel: UInt16, payload: [UInt8]) async throws {
        let recorder = LogRecorder()
        let fault = WireFault.injectFrame(type: 8, channel: channel, payload: payload, after: .sends(.basicAck))
        try await HostilePeer.withTransport([fault], logger: recorder.logger) { broker, _ in
            try await HostilePeer.expectWork(broker)
        }
        #expect(recorder.recorded.contains { $0.contains("heartbeat on channel \(channel)") })
    }

    @Test(arguments: [0, 1, 5, 1 << 20, 1 << 32, 1 << 62, .max] as [UInt64])
    func aBodyThatIsAnnouncedOtherwiseThanItComesCostsNoMoreThanItsConnection(size: UInt64) async throws {
        try await HostilePeer.withTransport([.announceBody(of: size, in: .sends(2))]) { broker, port in
            try await HostilePeer.insist { try await broker.declare(Topology(queues: [Queue("q")])) }
            let bodies = Locked<Set<String>>([])
            try await HostilePeer.insist {
                _ = try await broker.consume("q", options: ConsumerOptions(prefetch: 1)) { delivery in
                    bodies.withLock { _ = $0.insert(String(decoding: delivery.message.body, as: UTF8.self)) }
                    delivery.token.settle(.ack)
                }
            }
            for text in ["first", "the second", "third"] {
                try await HostilePeer.insist { try await broker.publish(Message(text), to: "", routingKey: "q") }
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
        (1, 0, [0, 60, 0]), (1, 1, [0, 60, 0]), (1, 1, []), (1, 1, WirePayload.method(60, 60)),
        (1, 1, WirePayload.method(50, 11)),
        (1, 0, WirePayload.method(99, 99)), (1, 1, WirePayload.method(60, 99)),
        // On channels that are not open.
        (1, 77, WirePayload.deliver), (1, 77, WirePayload.method(60, 80) + [0, 0, 0, 0, 0, 0, 0, 1, 0]),
        (2, 77, WirePayload.header), (3, 77, [1]),
        (1, 0, WirePayload.deliver), (2, 0, WirePayload.header), (3, 0, [1]),
        // Content without a method, methods without content.
        (3, 1, [1, 2, 3]), (2, 1, WirePayload.header),
        (2, 1, WirePayload.method(60, 0) + [UInt8](repeating: 255, count: 8)), (1, 1, WirePayload.deliver),
        (1, 1, WirePayload.method(60, 50) + [1, 56, 0, 0, 0]),
        // Of consumers, publishes and calls that nobody knows.
        (1, 1, WirePayload.method(60, 80) + [0, 0, 0, 0, 0, 0, 0, 99, 0]),
        (1, 1, WirePayload.method(60, 80) + [0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (1, 1, WirePayload.method(60, 120) + [255, 255, 255, 255, 255, 255, 255, 255, 1]),
        (1, 1, WirePayload.method(60, 30) + [1, 65, 1]),
        (1, 1, WirePayload.method(50, 11) + [1, 65, 0, 0, 0, 0, 0, 0, 0, 0]),
        (1, 1, WirePayload.method(20, 11) + [0, 0, 0, 0]),
        (1, 1, WirePayload.method(85, 11)), (1, 1, WirePayload.method(20, 41)), (1, 0, WirePayload.method(10, 51)),
        (1, 0, WirePayload.method(10, 30) + [0, 0, 0, 0, 0, 0, 0, 0]),
        // What only clients send.
        (1, 1, WirePayload.method(60, 40) + [0, 0, 0, 0, 0]), (1, 0, WirePayload.method(10, 40) + [1, 47, 0, 0]),
        // The end, without a reason.
        (1, 1, WirePayload.method(20, 40) + [1, 144, 0, 0, 0, 0, 0]),
        (1, 0, WirePayload.method(10, 50) + [1, 64, 0, 0, 0, 0, 0]),
        (1, 1, WirePayload.method(20, 40) + [1, 144, 255]),
        // Flow control, which RabbitMQ has given up.
        (1, 1, WirePayload.method(20, 20) + [0]),
        // Heartbeats as they must not be, and no frame at all.
        (8, 1, []), (8, 0, [1]), (9, 0, []), (0, 0, [0]),
    ]

    @Test(arguments: Self.nonsense.indices)
    func whatMakesNoSenseCostsNoMoreThanItsConnection(index: Int) async throws {
        let (type, channel, payload) = Self.nonsense[index]
        // Towards a connection that publishes, and towards one that consumes.
        for step: WireFault.Step in [.sends(.basicAck), .sends(.contentBody)] {
            try await HostilePeer.expectRecovery(
                from: .injectFrame(type: type, channel: channel, payload: payload, after: step)
            )
        }
    }

    @Test func aHeaderThatIsNestedTooDeepCostsItsMessageAlone() async throws {
        let header =
            WirePayload.method(60, 0) + [0, 0, 0, 0, 0, 0, 0, 5, 0x20, 0] + WirePayload.nestedTable(depth: 18_000)
        let plan: WireFaultPlan = [
            .injectFrame(type: 2, channel: 2, payload: header, after: .sends(.basicDeliver)),
            .lose(.sends(.contentHeader)),
        ]
        try await HostilePeer.withTransport(plan, HostilePeer.patiently) { broker, port in
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
}
