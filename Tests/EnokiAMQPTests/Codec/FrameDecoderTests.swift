import NIOCore
import Testing

@testable import EnokiAMQP

struct FrameDecoderTests {
    /// A method, a header, a body with the end octet in it, a heartbeat, and a kind that nobody knows.
    private static let frames: [Frame] = [
        Frame(kind: .method, channel: 1, payload: ByteBuffer(hex: "003c002800000178016b01")),
        Frame(kind: .header, channel: 1, payload: ByteBuffer(hex: "003c000000000000000000050000")),
        Frame(kind: .body, channel: 0xFFFF, payload: ByteBuffer(hex: "cecececece")),
        Frame(kind: .heartbeat, channel: 0, payload: ByteBuffer()),
        Frame(kind: .unknown(0x41), channel: 2, payload: ByteBuffer(repeating: 9, count: 300)),
    ]

    private static var stream: ByteBuffer {
        var stream = ByteBuffer()
        for frame in Self.frames { frame.write(into: &stream) }
        return stream
    }

    private func decode(_ pieces: [ByteBuffer], frameMax: Int = 0) throws -> [Frame] {
        var decoder = FrameDecoder()
        var frames: [Frame] = []
        for piece in pieces {
            decoder.append(piece)
            while let frame = try decoder.next(frameMax: frameMax) { frames.append(frame) }
        }
        #expect(decoder.byteCount == 0)
        return frames
    }

    @Test(arguments: [1, 2, 3, 5, 7, 8, 9, 64, 1000]) func framesComeInPiecesOfAnySize(size: Int) throws {
        var rest = Self.stream
        var pieces: [ByteBuffer] = []
        while let piece = rest.readSlice(length: min(size, max(rest.readableBytes, 1))) { pieces.append(piece) }
        #expect(try self.decode(pieces) == Self.frames)
    }

    @Test func aFrameStaysAsItIsWhenMoreComes() throws {
        let stream = Self.stream
        for cut in 1..<stream.readableBytes {
            var decoder = FrameDecoder()
            decoder.append(stream.prefix(cut))
            var frames: [Frame] = []
            while let frame = try decoder.next(frameMax: 0) { frames.append(frame) }
            var rest = stream
            rest.moveReaderIndex(forwardBy: cut)
            decoder.append(rest)
            while let frame = try decoder.next(frameMax: 0) { frames.append(frame) }
            #expect(frames == Self.frames, "cut at \(cut)")
        }
    }

    @Test func whatTricklesInIsNotCopiedAgainAndAgain() throws {
        let size = 1 << 16
        var decoder = FrameDecoder()
        // Of a frame before it something is still in use.
        var stream = ByteBuffer()
        Self.frames[0].write(into: &stream)
        stream.writeImmutableBuffer(ByteBuffer(hex: "03000100010000"))
        decoder.append(stream)
        let first = try decoder.next(frameMax: 0)
        let octet = ByteBuffer(bytes: [5])
        var moves = 0
        var place: UnsafeRawPointer?
        for _ in 0..<size {
            decoder.append(octet)
            let frame = try decoder.next(frameMax: 0)
            if frame != nil { Issue.record("a frame before its end") }
            let newPlace = decoder.buffer.withVeryUnsafeBytes { $0.baseAddress }
            if newPlace != place { moves += 1 }
            place = newPlace
        }
        #expect(moves <= 20, "once for each doubling")
        decoder.append(ByteBuffer(bytes: [Frame.end]))
        #expect(try decoder.next(frameMax: 0)?.payload == ByteBuffer(repeating: 5, count: size))
        #expect(first == Self.frames[0])
    }

    @Test func aFrameThatIsTooLargeIsRefusedByItsHeader() throws {
        var decoder = FrameDecoder()
        decoder.append(ByteBuffer(hex: "030007000010"))
        #expect(try decoder.next(frameMax: 4096) == nil)
        decoder.append(ByteBuffer(hex: "01"))
        let error = #expect(throws: FrameError.self) { try decoder.next(frameMax: 4096) }
        #expect(error == .tooLarge(.body, channel: 7, size: 4097, frameMax: 4096))
        #expect(error?.channel == 7)
        #expect(error?.explanation == "type 3, all octets = <<>>: {frame_too_large,4097,4088}")
    }

    @Test func aFrameMayBeLargerByWhatAnEmptyOneTakes() throws {
        let frame = Frame(kind: .body, channel: 7, payload: ByteBuffer(repeating: 1, count: 4096))
        var stream = ByteBuffer()
        frame.write(into: &stream)
        #expect(try stream.readFrame(frameMax: 4096) == frame)
    }

    @Test func theLargestSizeIsNoTrap() throws {
        var stream = ByteBuffer(hex: "030007ffffffffce")
        #expect(try stream.readFrame(frameMax: 0) == nil)
        #expect(throws: FrameError.self) { try stream.readFrame(frameMax: Int(UInt32.max) - 1) }
    }

    @Test func aFrameThatEndsOtherwiseIsRefused() throws {
        var stream = ByteBuffer(hex: "03000700000002414200")
        let error = #expect(throws: FrameError.self) { try stream.readFrame(frameMax: 0) }
        let frame = Frame(kind: .body, channel: 7, payload: ByteBuffer(string: "AB"))
        #expect(error == .badEnd(frame, found: 0))
        #expect(error?.channel == 7)
        #expect(error?.explanation == #"type 3, all octets = <<"AB">>: {invalid_frame_end_marker,0}"#)
    }

    @Test func theProtocolHeaderComesBeforeTheFrames() throws {
        var decoder = FrameDecoder()
        decoder.append(ByteBuffer(string: "AMQP"))
        #expect(decoder.protocolHeader() == nil)
        var rest = ByteBuffer(bytes: [0, 0, 9, 1])
        Self.frames[0].write(into: &rest)
        decoder.append(rest)
        #expect(decoder.protocolHeader() == .amqp091)
        #expect(try decoder.next(frameMax: 0) == Self.frames[0])
    }
}
