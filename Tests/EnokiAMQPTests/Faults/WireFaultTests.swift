import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import NIOCore
import NIOPosix
import Testing

@testable import EnokiAMQP

/// What a client sees of each fault, over a socket.
@Suite(.timeLimit(.minutes(5))) struct WireFaultTests {
    private func withClient(
        _ faults: WireFault...,
        body: @Sendable (RawClient, AMQPPort, InProcessBroker) async throws -> Void
    ) async throws {
        let broker = InProcessBroker(logger: TestBroker.silent)
        try await broker.listen(
            configuration: .patient,
            faults: WireFaultPlan(faults),
            logger: TestBroker.silent
        ) { port in
            try await RawClient.with(port) { try await body($0, port, broker) }
            #expect(port.faults == faults)
        }
    }

    // MARK: - The end

    /// Every step of a login, with what a client has got before it.
    static let handshake: [(WireFault.Step, [WireFault.FrameKind])] = [
        (.accepts(), []),
        (.receives(.protocolHeader), []),
        (.sends(.connectionStart), []),
        (.receives(.connectionStartOk), [.connectionStart]),
        (.sends(.connectionTune), [.connectionStart]),
        (.receives(.connectionTuneOk), [.connectionStart, .connectionTune]),
        (.receives(.connectionOpen), [.connectionStart, .connectionTune]),
        (.sends(.connectionOpenOk), [.connectionStart, .connectionTune]),
    ]

    private func logIn(_ client: RawClient) async throws {
        // One after the other, so that what came is all that was sent.
        for (bytes, answer) in [
            (RawClient.protocolHeader, WireFault.FrameKind.connectionStart), (RawClient.startOk(), .connectionTune),
        ] {
            client.send(bytes)
            try await eventually("an answer or the end") { client.end != nil || client.kinds.contains(answer) }
        }
        client.send(RawClient.tuneOk(heartbeat: 0))
        client.send(RawClient.open)
    }

    @Test(arguments: Self.handshake)
    func aConnectionIsClosedBeforeAnyStepOfTheLogin(step: WireFault.Step, before: [WireFault.FrameKind]) async throws {
        try await self.withClient(.close(before: step)) { client, _, _ in
            try await self.logIn(client)
            _ = try await client.ends()
            #expect(client.kinds == before)
        }
    }

    @Test(arguments: Self.handshake)
    func aConnectionIsClosedAfterAnyStepOfTheLogin(step: WireFault.Step, before: [WireFault.FrameKind]) async throws {
        try await self.withClient(.close(after: step)) { client, _, _ in
            try await self.logIn(client)
            _ = try await client.ends()
            let own: [WireFault.FrameKind] =
                switch "\(step)" {
                case let text where text.hasPrefix(".sends(.connectionStart"): [.connectionStart]
                case let text where text.hasPrefix(".sends(.connectionTune"): [.connectionTune]
                case let text where text.hasPrefix(".sends(.connectionOpenOk"): [.connectionOpenOk]
                default: []
                }
            #expect(client.kinds == before + own)
        }
    }

    @Test func aClosedConnectionIsNoReset() async throws {
        try await self.withClient(.close(after: .sends(.connectionTune))) { client, _, _ in
            client.send(RawClient.protocolHeader, RawClient.startOk())
            let end = try await client.ends()
            #expect(end == .closed)
            #expect(client.kinds == [.connectionStart, .connectionTune])
        }
    }

    @Test func aConnectionIsReset() async throws {
        try await self.withClient(.reset(after: .sends(.connectionTune))) { client, _, _ in
            client.send(RawClient.protocolHeader, RawClient.startOk())
            let end = try await client.ends()
            #expect(end == .reset)
        }
    }

    @Test func afterHalfACloseTheServerReadsOn() async throws {
        try await self.withClient(.halfClose(after: .receives(.queueDeclare))) { client, _, broker in
            try await client.logIn()
            client.send(RawClient.declare(queue: "q"))
            let end = try await client.ends()
            #expect(end == .closed)
            client.send(RawClient.publish("x", to: "q"))
            try await eventually("it is in its queue") { broker.snapshot()[queue: "q"]?.ready.count == 1 }
            #expect(!client.kinds.contains(.queueDeclareOk))
        }
    }

    @Test func whatWasReceivedBeforeTheEndIsDone() async throws {
        try await self.withClient(.close(after: .receives(.contentBody, 2))) { client, _, broker in
            try await client.logIn()
            client.send(RawClient.declare(queue: "q"), RawClient.publish("1", to: "q"))
            client.send(RawClient.publish("2", to: "q"), RawClient.publish("3", to: "q"))
            _ = try await client.ends()
            #expect(broker.snapshot()[queue: "q"]?.ready.map(\.text) == ["1", "2"])
        }
    }

    @Test func whatWasToBeReceivedAfterTheEndIsNotDone() async throws {
        try await self.withClient(.reset(before: .receives(.contentBody, 2))) { client, _, broker in
            try await client.logIn()
            client.send(RawClient.declare(queue: "q"), RawClient.publish("1", to: "q"))
            client.send(RawClient.publish("2", to: "q"))
            _ = try await client.ends()
            #expect(broker.snapshot()[queue: "q"]?.ready.map(\.text) == ["1"])
        }
    }

    // MARK: - What lasts

    @Test func whoIsSilentReadsOnAndLeavesTheSocketOpen() async throws {
        try await self.withClient(.silence(after: .sends(.queueDeclareOk))) { client, _, broker in
            try await client.logIn()
            client.send(RawClient.declare(queue: "q"))
            try await client.comes(.queueDeclareOk)
            let count = client.received.readableBytes
            client.send(RawClient.publish("x", to: "q"), RawClient.close)
            try await eventually("it is in its queue") { broker.snapshot()[queue: "q"]?.ready.count == 1 }
            // An operator who closes the connection is not heard of either.
            broker.dropConnections()
            try await broker.publish(Message("y"), to: "", routingKey: "q")
            #expect(client.received.readableBytes == count)
            #expect(client.end == nil)
        }
    }

    @Test func aBlackholeTakesNothing() async throws {
        try await self.withClient(.blackhole(after: .sends(.queueDeclareOk))) { client, port, broker in
            try await client.logIn()
            client.send(RawClient.declare(queue: "q"))
            try await client.comes(.queueDeclareOk)
            client.send(RawClient.publish("x", to: "q"))
            // What another client sends after that passes.
            try await RawClient.with(port) { other in
                try await other.logIn()
                try await other.roundTrip(on: 2)
            }
            #expect(broker.snapshot()[queue: "q"]?.ready.isEmpty == true)
            #expect(client.end == nil)
        }
    }

    @Test func heartbeatsComeUnlessTheyAreStopped() async throws {
        let faults: WireFaultPlan = [WireFault.stopHeartbeats(after: .accepts()).onConnection(2)]
        try await InProcessBroker(logger: TestBroker.silent).listen(
            configuration: .patient,
            faults: faults,
            logger: TestBroker.silent
        ) { port in
            try await RawClient.with(port) { lively in
                try await RawClient.with(port) { silent in
                    try await lively.logIn(heartbeat: 2)
                    try await silent.logIn(heartbeat: 2)
                    try await lively.comes(.heartbeat, 2)
                    #expect(!silent.kinds.contains(.heartbeat))
                    // All else comes.
                    try await silent.roundTrip(on: 2)
                }
            }
        }
    }

    @Test func publishersAreBlockedAndUnblocked() async throws {
        let fault = WireFault.blockPublishers(after: .sends(.queueDeclareOk), for: .milliseconds(20))
        try await self.withClient(fault) { client, _, _ in
            try await client.logIn()
            client.send(RawClient.declare(queue: "q"))
            try await client.comes(.connectionUnblocked)
            #expect(client.kinds.suffix(3) == [.queueDeclareOk, .connectionBlocked, .connectionUnblocked])
        }
    }

    @Test func bytesAreInjected() async throws {
        let heartbeat: [UInt8] = [8, 0, 0, 0, 0, 0, 0, 0xCE]
        let faults: [WireFault] = [
            .inject(heartbeat, after: .receives(.queueDeclare)),
            .inject(heartbeat + heartbeat, after: .sends(.queueDeclareOk)),
        ]
        try await self.withClient(faults[0], faults[1]) { client, _, _ in
            try await client.logIn()
            client.send(RawClient.declare(queue: "q"))
            try await client.comes(.heartbeat, 3)
            #expect(client.kinds.suffix(4) == [.heartbeat, .queueDeclareOk, .heartbeat, .heartbeat])
        }
    }

    @Test func aThrottledConnectionIsSlow() async throws {
        let fault = WireFault.throttle(after: .sends(.queueDeclareOk), bytesPerSecond: 2000)
        try await self.withClient(fault) { client, _, broker in
            try await client.logIn()
            client.send(RawClient.declare(queue: "q"))
            try await client.comes(.queueDeclareOk)
            try await broker.publish(Message(body: [UInt8](repeating: 7, count: 400)), to: "", routingKey: "q")
            let start = ContinuousClock.now
            client.send(RawClient.consume("q"))
            try await client.comes(.contentBody)
            #expect(ContinuousClock.now - start >= .milliseconds(150))
        }
    }

    // MARK: - A frame

    /// A client that has declared a queue, in which there is a message, and consumes it.
    private func withDelivery(
        _ faults: WireFault...,
        body: @Sendable (RawClient, InProcessBroker) async throws -> Void
    ) async throws {
        let broker = InProcessBroker(logger: TestBroker.silent)
        try await broker.listen(
            configuration: .patient,
            faults: WireFaultPlan(faults),
            logger: TestBroker.silent
        ) { port in
            try await broker.declare(Topology(queues: [Queue("q")]))
            try await broker.publish(Message("abc"), to: "", routingKey: "q")
            try await RawClient.with(port) { client in
                try await client.logIn()
                client.send(RawClient.consume("q"))
                try await body(client, broker)
            }
            #expect(port.faults == faults)
        }
    }

    @Test func aFrameThatIsLostDoesNotCome() async throws {
        try await self.withDelivery(.lose(.sends(.contentHeader))) { client, _ in
            try await client.comes(.contentBody)
            #expect(client.kinds.suffix(2) == [.basicDeliver, .contentBody])
        }
    }

    @Test func aLostAcknowledgementLeavesTheMessageUnsettled() async throws {
        try await self.withDelivery(.lose(.receives(.basicAck))) { client, broker in
            try await client.comes(.contentBody)
            client.send(RawClient.ack(1))
            try await client.roundTrip(on: 2)
            #expect(broker.snapshot()[queue: "q"]?.unsettledCount == 1)
            client.send(RawClient.ack(1))
            try await client.roundTrip(on: 3)
            #expect(broker.snapshot()[queue: "q"]?.unsettledCount == 0)
        }
    }

    @Test func aFrameComesTwice() async throws {
        try await self.withDelivery(.duplicate(.sends(.contentBody))) { client, _ in
            try await client.comes(.contentBody, 2)
            #expect(client.frames.suffix(2).map(\.payload.text) == ["abc", "abc"])
        }
    }

    @Test func aConfirmIsLost() async throws {
        try await self.withClient(.lose(.sends(.basicAck))) { client, _, broker in
            try await client.logIn()
            client.send(RawClient.declare(queue: "q"), RawClient.confirmSelect)
            client.send(RawClient.publish("x", to: "q"))
            try await eventually("it is in its queue") { broker.snapshot()[queue: "q"]?.ready.count == 1 }
            client.send(RawClient.publish("y", to: "q"))
            try await client.comes(.basicAck)
            #expect(client.kinds.count { $0 == .basicAck } == 1)
        }
    }

    @Test func aFrameIsCutShort() async throws {
        try await self.withDelivery(.cut(.sends(.contentBody), afterBytes: 8)) { client, _ in
            let end = try await client.ends()
            #expect(end == .closed)
            #expect(client.kinds.last == .contentHeader)
            #expect(client.received.getString(at: client.received.writerIndex - 1, length: 1) == "a")
        }
    }

    @Test(arguments: [
        (WireFault.flip(byte: 8, of: .sends(.contentBody)), "03000100000003619d63ce"),
        (.wrongEnd(of: .sends(.contentBody), octet: 0xCD), "03000100000003616263cd"),
        (.wrongSize(of: .sends(.contentBody), by: 2), "03000100000005616263ce"),
        (.wrongSize(of: .sends(.contentBody), is: 0x7FFF_FFFF), "0300017fffffff616263ce"),
    ])
    func aFrameIsWrong(fault: WireFault, hex: String) async throws {
        try await self.withDelivery(fault) { client, _ in
            try await eventually("the body came") { client.received.hex.hasSuffix(hex) }
        }
    }

    @Test func aContentHeaderAnnouncesWhatDoesNotCome() async throws {
        try await self.withDelivery(.announceBody(of: 1 << 62, in: .sends())) { client, _ in
            try await client.comes(.contentBody)
            let header = client.frames.first { $0.kind == .contentHeader }
            #expect(header?.payload.getInteger(at: (header?.payload.readerIndex ?? 0) + 4, as: UInt64.self) == 1 << 62)
        }
    }

    @Test func aFrameComesLater() async throws {
        let start = ContinuousClock.now
        try await self.withDelivery(.delay(.sends(.basicDeliver), by: .milliseconds(500))) { client, _ in
            try await client.comes(.contentBody)
            #expect(ContinuousClock.now - start >= .milliseconds(500))
        }
    }

    // MARK: - Plans

    /// What happens to a client that says the same thing to a port again and again, as long as it may.
    private func occurred(_ plan: WireFaultPlan) async throws -> [WireFault] {
        try await InProcessBroker(logger: TestBroker.silent).listen(
            configuration: .patient,
            faults: plan,
            logger: TestBroker.silent
        ) { port in
            for _ in 0..<30 {
                do {
                    try await RawClient.with(port) { client in
                        for (bytes, answer) in [
                            (RawClient.protocolHeader, WireFault.FrameKind.connectionStart),
                            (RawClient.startOk(), .connectionTune), (RawClient.tuneOk(heartbeat: 0), nil),
                            (RawClient.open, .connectionOpenOk), (RawClient.channelOpen(1), .channelOpenOk),
                            (RawClient.declare(queue: "q"), .queueDeclareOk),
                        ] as [(ByteBuffer, WireFault.FrameKind?)] {
                            client.send(bytes)
                            let wanted = "\(answer.map { "\($0)" } ?? "nothing") or the end, after \(port.faults)"
                            try await eventually(wanted, within: .seconds(120)) {
                                client.end != nil || answer.map(client.kinds.contains) ?? true
                            }
                        }
                    }
                } catch is NIOConnectionError {
                    // It was reset as soon as it was there.
                }
            }
            return port.faults
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func aSeedDoesTheSameAgain(seed: UInt64) async throws {
        let plan = WireFaultPlan.random(seed: seed, rate: 0.05, kinds: [.closes, .resets, .delays])
        let faults = try await self.occurred(plan)
        #expect(faults.count > 5)
        #expect(try await self.occurred(plan) == faults)
        #expect(try await self.occurred(WireFaultPlan(faults)) == faults)
    }

    /// Many at once, each on an event loop that is not the next one's.
    @Test func connectionsAreCountedAsTheyCome() async throws {
        let faults: WireFaultPlan = WireFaultPlan((1...40).map { .close(before: .accepts(2 * $0)) })
        try await InProcessBroker(logger: TestBroker.silent).listen(
            configuration: .patient,
            faults: faults,
            logger: TestBroker.silent
        ) { port in
            for _ in 0..<40 {
                try await RawClient.with(port) { first in
                    try await RawClient.with(port) { second in
                        _ = try await second.ends()
                        #expect(first.end == nil)
                    }
                }
            }
        }
    }

    @Test func withoutFaultsNothingIsInTheWay() async throws {
        try await self.withClient { client, port, _ in
            try await client.logIn()
            #expect(port.faults == [])
        }
    }
}

extension ByteBuffer {
    fileprivate var text: String { String(buffer: self) }
}

extension Message {
    fileprivate var text: String { String(decoding: self.body, as: UTF8.self) }
}

extension AMQPConfiguration {
    /// With time to log in for a test on a busy machine.
    fileprivate static var patient: AMQPConfiguration {
        var configuration = AMQPConfiguration()
        configuration.loginTimeout = .seconds(300)
        return configuration
    }
}
