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

    @Test(arguments: [Frame.Kind.method, .header, .body, .heartbeat, .unknown(4)])
    func onlyAFrameWithRoomForItsNumbersIsWellFormed(kind: Frame.Kind) {
        let wellFormed = (0...13).filter {
            Frame(kind: kind, channel: 1, payload: ByteBuffer(repeating: 1, count: $0)).isWellFormed
        }
        let expected: ClosedRange<Int>? =
            switch kind {
            case .method: 4...13
            case .header: 12...13
            case .body: 0...13
            case .heartbeat: 0...0
            case .unknown: nil
            }
        #expect(wellFormed == expected.map(Array.init) ?? [])
    }

    @Test func theTextsOfAFrameAreRabbitMQs() {
        let frame = Frame(kind: .unknown(9), channel: 1, payload: ByteBuffer(bytes: [1, 0xCE]))
        #expect(frame.unknownFrame == "type 9, all octets = <<1,206>>: unknown_frame")
        let body = Frame(kind: .body, channel: 0, payload: ByteBuffer(string: "seventeen \"octets"))
        #expect(body.unexpectedFrame == #"type 3, first 16 octets = <<"seventeen \"octet">>"#)
        #expect(Frame(kind: .body, channel: 0, payload: ByteBuffer()).unexpectedFrame == "type 3, all octets = <<>>")
    }
}
