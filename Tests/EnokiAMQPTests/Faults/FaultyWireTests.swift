import NIOCore
import Testing

@testable import EnokiAMQP

@Suite struct FaultyWireTests {
    /// `basic.ack` of delivery 1 on channel 1.
    private static let ack = ByteBuffer(hex: "0100010000000d003c0050000000000000000100ce")
    /// A content header of a body of 2 octets.
    private static let header = ByteBuffer(hex: "0200010000000e003c000000000000000000020000ce")
    private static let heartbeat = ByteBuffer(hex: "08000000000000ce")

    /// What becomes of a `basic.ack` that the server sends.
    private func sent(_ faults: WireFault...) -> [FaultyWire.Action] {
        var wire = FaultyWire(faults: WireFaults(WireFaultPlan(faults)), frameMax: 131_072)
        return wire.send(Self.ack)
    }

    private func hex(_ actions: [FaultyWire.Action]) -> [String] {
        actions.map { if case .pass(let bytes) = $0 { bytes.hex } else { "\($0)" } }
    }

    @Test func whatHasNoFaultPasses() {
        #expect(self.sent() == [.pass(Self.ack)])
        #expect(self.sent(.lose(.sends(.basicAck, 2))) == [.pass(Self.ack)])
        #expect(self.sent(.lose(.receives(.basicAck))) == [.pass(Self.ack)])
    }

    @Test func aFrameSuffersWhatItIsTo() {
        #expect(self.sent(.lose(.sends(.basicAck))) == [])
        #expect(self.sent(.duplicate(.sends(.basicAck))) == [.pass(Self.ack), .pass(Self.ack)])
        #expect(self.sent(.delay(.sends(.basicAck), by: .seconds(1))) == [.wait(.seconds(1)), .pass(Self.ack)])
        for (fault, hex) in [
            (WireFault.flip(byte: 0, of: .sends(.basicAck)), "fe00010000000d003c0050000000000000000100ce"),
            (.flip(byte: 99, of: .sends(.basicAck)), "0100010000000d003c005000000000000000010031"),
            (.wrongEnd(of: .sends(.basicAck)), "0100010000000d003c005000000000000000010000"),
            (.wrongEnd(of: .sends(.basicAck), octet: 7), "0100010000000d003c005000000000000000010007"),
            (.wrongSize(of: .sends(.basicAck), by: 3), "01000100000010003c0050000000000000000100ce"),
            (.wrongSize(of: .sends(.basicAck), by: -99), "01000100000000003c0050000000000000000100ce"),
            (.wrongSize(of: .sends(.basicAck), is: .max), "010001ffffffff003c0050000000000000000100ce"),
        ] {
            #expect(self.hex(self.sent(fault)) == [hex], "\(fault)")
        }
    }

    @Test func aContentHeaderAnnouncesAnything() {
        var wire = FaultyWire(faults: WireFaults([.announceBody(of: 1 << 62, in: .sends())]), frameMax: 131_072)
        #expect(self.hex(wire.send(Self.header)) == ["0200010000000e003c000040000000000000000000ce"])
    }

    @Test func aFrameIsCutAndTheConnectionEnds() {
        let cut = self.sent(.cut(.sends(.basicAck), afterBytes: 3))
        #expect(cut == [.pass(ByteBuffer(bytes: [1, 0, 1])), .end(.close)])
        #expect(self.sent(.cut(.sends(.basicAck), afterBytes: 0)) == [.end(.close)])
        #expect(self.sent(.cut(.sends(.basicAck), afterBytes: 99)) == [.pass(Self.ack), .end(.close)])
    }

    @Test func anEndIsBeforeOrAfterItsStep() {
        #expect(self.sent(.close(before: .sends(.basicAck))) == [.end(.close)])
        #expect(self.sent(.reset(after: .sends(.basicAck))) == [.pass(Self.ack), .end(.reset)])
    }

    @Test func whatFollowsComesAfterTheStepAndBeforeTheEnd() {
        let plan: WireFaultPlan = [
            .close(after: .receives(.heartbeat)), .inject([7], after: .receives(.heartbeat)),
            .blockPublishers(after: .receives(.heartbeat), for: .seconds(1)),
        ]
        var wire = FaultyWire(faults: WireFaults(plan), frameMax: 131_072)
        let actions = wire.receive(Self.heartbeat)
        #expect(actions.count == 5)
        #expect(actions.prefix(2) == [.pass(Self.heartbeat), .say(ByteBuffer(bytes: [7]))])
        #expect(actions[3] == .sayLater(ByteBuffer(hex: "01000000000004000a003dce"), after: .seconds(1)))
        #expect(actions.last == .end(.close))
        #expect(wire.receive(Self.heartbeat) == [])
        #expect(wire.send(Self.heartbeat) == [])
    }

    @Test func whoIsSilentReadsOn() {
        var wire = FaultyWire(faults: WireFaults([.silence(after: .sends(.basicAck))]), frameMax: 131_072)
        var both = Self.ack
        both.writeImmutableBuffer(Self.ack)
        #expect(wire.send(both) == [.pass(Self.ack)])
        #expect(wire.send(Self.heartbeat) == [])
        #expect(wire.receive(Self.heartbeat) == [.pass(Self.heartbeat)])
        #expect(wire.isMute && !wire.isBlackhole)
    }

    @Test func aBlackholeReadsNothing() {
        var wire = FaultyWire(faults: WireFaults([.blackhole(after: .receives(.basicAck))]), frameMax: 131_072)
        #expect(wire.receive(Self.ack) == [.pass(Self.ack)])
        #expect(wire.receive(Self.ack) == [])
        #expect(wire.send(Self.ack) == [])
        #expect(wire.isMute && wire.isBlackhole)
    }

    @Test func onlyHeartbeatsStop() {
        var wire = FaultyWire(faults: WireFaults([.stopHeartbeats(after: .accepts())]), frameMax: 131_072)
        #expect(wire.accept() == [])
        #expect(wire.send(Self.heartbeat) == [])
        #expect(wire.send(Self.ack) == [.pass(Self.ack)])
        #expect(wire.receive(Self.heartbeat) == [.pass(Self.heartbeat)])
    }

    @Test func afterHalfACloseOnlyTheClientSpeaks() {
        var wire = FaultyWire(faults: WireFaults([.halfClose(after: .accepts())]), frameMax: 131_072)
        #expect(wire.accept() == [.end(.halfClose)])
        #expect(wire.send(Self.ack) == [])
        #expect(wire.receive(Self.ack) == [.pass(Self.ack)])
        #expect(!wire.isMute)
    }

    @Test func aClientHasItsNameFromItsStartOk() {
        let faults = WireFaults([.close(before: .receives(.connectionStartOk)).on("worker")])
        for (name, isHit) in [("worker", true), ("other", false)] {
            var wire = FaultyWire(faults: faults, frameMax: 131_072)
            let startOk = RawClient.startOk(name: name)
            #expect(wire.receive(startOk) == (isHit ? [.end(.close)] : [.pass(startOk)]))
        }
    }

    @Test func framesAreFoundHoweverTheyCome() {
        var stream = ByteBuffer(bytes: Array("AMQP".utf8) + [0, 0, 9, 1])
        for _ in 0..<3 { stream.writeImmutableBuffer(Self.ack) }
        stream.writeImmutableBuffer(Self.header)
        let plan: WireFaultPlan = [.lose(.receives(.protocolHeader)), .lose(.receives(.basicAck, 2))]
        for size in 1...stream.readableBytes {
            var wire = FaultyWire(faults: WireFaults(plan), frameMax: 131_072)
            var rest = stream
            var passed: [FaultyWire.Action] = []
            while rest.readableBytes > 0, let part = rest.readSlice(length: min(size, rest.readableBytes)) {
                passed += wire.receive(part)
            }
            #expect(passed == [.pass(Self.ack), .pass(Self.ack), .pass(Self.header)], "\(size) at once")
        }
    }

    @Test(arguments: [
        "47455420",
        "0100010000000d003c005000000000000000010000", "01000100020001", "0900000000000100ce", "0800000000000100cf",
    ])
    func whatIsNoFrameComesAsItIs(hex: String) {
        var wire = FaultyWire(faults: WireFaults([.lose(.receives(.basicAck))]), frameMax: 131_072)
        let bytes = ByteBuffer(hex: hex)
        #expect(wire.receive(bytes) == [.pass(bytes)])
        #expect(wire.receive(Self.ack) == [.pass(Self.ack)])
    }
}
