import NIOCore
import Testing

@testable import EnokiAMQP

struct FrameTests {
    @Test func aHeartbeatIsEightOctets() {
        var buffer = ByteBuffer()
        Frame.writeHeartbeat(into: &buffer)
        #expect(buffer == ByteBuffer(bytes: [8, 0, 0, 0, 0, 0, 0, 0xCE]))
    }

    @Test func aFrameHasKindChannelSizePayloadAndEnd() {
        var buffer = ByteBuffer()
        Frame(kind: .body, channel: 0x0102, payload: ByteBuffer(bytes: [7, 8, 9])).write(into: &buffer)
        #expect(buffer == ByteBuffer(bytes: [3, 1, 2, 0, 0, 0, 3, 7, 8, 9, 0xCE]))
    }

    @Test(arguments: [(8, [Int]()), (9, [1, 1, 1, 1, 1]), (10, [2, 2, 1]), (13, [5]), (14, [5]), (0, [5])])
    func aBodyIsSplitAtTheLargestFrame(frameMax: Int, sizes: [Int]) throws {
        var buffer = ByteBuffer()
        let body: [UInt8] = [1, 2, 3, 4, 5]
        Frame.writeBody(body, into: &buffer, channel: 3, frameMax: frameMax)
        var read: [UInt8] = []
        var found: [Int] = []
        while let frame = try buffer.readFrame(frameMax: frameMax) {
            #expect(frame.kind == .body)
            #expect(frame.channel == 3)
            found.append(frame.payload.readableBytes)
            read += frame.payload.readableBytesView
        }
        #expect(buffer.readableBytes == 0)
        #expect(read == body)
        // No room at all: an octet a frame, so that it comes to an end.
        #expect(found == (sizes.isEmpty ? [1, 1, 1, 1, 1] : sizes))
    }

    @Test func anEmptyBodyHasNoFrame() {
        var buffer = ByteBuffer()
        Frame.writeBody([], into: &buffer, channel: 3, frameMax: 0)
        #expect(buffer.readableBytes == 0)
    }

    @Test(arguments: UInt8.min...UInt8.max) func aKindKnowsItsOctet(octet: UInt8) {
        #expect(Frame.Kind(octet: octet).octet == octet)
        #expect((Frame.Kind(octet: octet) == .unknown(octet)) == ![1, 2, 3, 8].contains(octet))
    }

    @Test(
        arguments: [
            (Frame.Kind.method, 4), (.method, 3), (.method, 0), (.header, 12), (.header, 11), (.body, 0), (.heartbeat, 0),
            (.heartbeat, 1), (.unknown(4), 0), (.unknown(0), 20),
        ]
    )
    func aFrameOfTooFewOctetsIsNotWellFormed(kind: Frame.Kind, size: Int) {
        let frame = Frame(kind: kind, channel: 1, payload: ByteBuffer(repeating: 1, count: size))
        let wellFormed: [(Frame.Kind, Int)] = [(.method, 4), (.header, 12), (.body, 0), (.heartbeat, 0)]
        #expect(frame.isWellFormed == wellFormed.contains { $0.0 == kind && $0.1 == size })
    }
}
