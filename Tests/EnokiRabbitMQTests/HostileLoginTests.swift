import EnokiAMQP
import EnokiBroker
import EnokiInProcess
import Testing

@testable import EnokiRabbitMQ

/// The login at a broker that breaks off, falls silent, or says what makes no sense.
@Suite(.timeLimit(.minutes(5))) struct HostileLoginTests {
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
            try await HostilePeer.expectRecovery(from: fault)
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
        try await HostilePeer.expectRecovery(from: .silence(after: step))
        try await HostilePeer.expectRecovery(from: .blackhole(after: step))
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
        try await HostilePeer.expectRecovery(from: fault)
    }

    /// A librabbitmq with Debian's patches makes 4096 of it by itself.
    @Test(arguments: [1, 8, 20, 4095] as [UInt32])
    func aBrokerThatWantsFramesBelowTheMinimumHarmsNobody(frameMax: UInt32) async throws {
        let tune =
            WirePayload.method(10, 30) + [0, 0] + withUnsafeBytes(of: frameMax.bigEndian) { Array($0) } + [0, 10]
        try await HostilePeer.expectRecovery(
            from: .injectFrame(channel: 0, payload: tune, after: .receives(.connectionStartOk)),
            .lose(.sends(.connectionTune))
        )
    }

    @Test func framesBelowTheMinimumAreRefused() throws {
        let login = Login(
            configuration: RabbitMQConfiguration(),
            endpoint: .init(host: "broker.example"),
            connectionName: "test",
            isHurried: false,
            resolver: Resolver(waker: Waker()),
            willLogIn: { _ in }
        )
        for size in [Int(Int32.min), 0, 8, 4095] {
            let error = #expect(throws: BrokerError.self) { try login.checkFrameMax(size) }
            #expect(error?.code == .protocolViolation)
            #expect(error?.message.contains("at most \(size) bytes") == true)
        }
        try login.checkFrameMax(4096)
    }

    @Test func theServersPropertiesCanBeNestedAsDeepAsTheyLike() async throws {
        let start =
            WirePayload.method(10, 10) + [0, 9] + WirePayload.nestedTable(depth: 18_000)
            + WirePayload.long(Array("PLAIN".utf8))
            + WirePayload.long([])
        try await HostilePeer.expectRecovery(
            from: .injectFrame(channel: 0, payload: start, after: .receives(.protocolHeader)),
            .close(before: .receives(.connectionStartOk))
        )
    }
}
