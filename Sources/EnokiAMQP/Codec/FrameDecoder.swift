import NIOCore

/// Cuts a stream of bytes into frames; performs no I/O.
///
/// What comes byte by byte is looked at once and copied a bounded number of times. A frame shares the memory of what came
/// with it.
struct FrameDecoder {
    /// What waits to be a frame.
    private(set) var buffer = ByteBuffer()
    /// Whether nothing else holds the buffer's memory, so that what is added is not a copy of all.
    private var isUnique = true

    /// How many bytes wait for the rest of their frame.
    var byteCount: Int { self.buffer.readableBytes }

    /// Adds what came.
    mutating func append(_ bytes: ByteBuffer) {
        if self.buffer.readableBytes == 0 {
            self.buffer = bytes
            self.isUnique = false
        } else if self.isUnique {
            self.buffer.discardReadBytes()
            self.buffer.writeImmutableBuffer(bytes)
        } else {
            var joined = ByteBuffer()
            joined.reserveCapacity(self.buffer.readableBytes + bytes.readableBytes)
            joined.writeImmutableBuffer(self.buffer)
            joined.writeImmutableBuffer(bytes)
            self.buffer = joined
            self.isUnique = true
        }
    }

    /// The next frame; `nil` when more bytes are needed. After an error the stream is out of step for good.
    ///
    /// `frameMax` is as for ``NIOCore/ByteBuffer/readFrame(frameMax:)``.
    mutating func next(frameMax: Int) throws(FrameError) -> Frame? {
        guard let frame = try self.buffer.readFrame(frameMax: frameMax) else {
            // Who says nothing for long shall not hold what its last words came in.
            if self.buffer.readableBytes == 0 { self.buffer = ByteBuffer() }
            return nil
        }
        self.isUnique = false
        return frame
    }

    /// What the client begins with, before any frame; `nil` when more bytes are needed.
    mutating func protocolHeader() -> ProtocolHeader? { ProtocolHeader(from: &self.buffer) }
}

extension ByteBuffer {
    /// Reads a frame; `nil`, and nothing read, when more bytes are needed.
    ///
    /// `frameMax` is the agreed size of a whole frame, 0 for no limit. A larger one is refused as soon as its header is
    /// there. As RabbitMQ does, it takes 8 octets more: off by the empty frame's size is what clients get wrong
    /// (`rabbit_reader`, `FRAME_SIZE_FUDGE`).
    mutating func readFrame(frameMax: Int) throws(FrameError) -> Frame? {
        let start = self.readerIndex
        guard let octet = self.getInteger(at: start, as: UInt8.self),
            let channel = self.getInteger(at: start + 1, as: UInt16.self),
            let announced = self.getInteger(at: start + 3, as: UInt32.self)
        else { return nil }
        let size = Int(announced)
        let kind = Frame.Kind(octet: octet)
        if frameMax != 0 && size > frameMax {
            throw .tooLarge(kind, channel: channel, size: size, frameMax: frameMax)
        }
        guard let end = self.getInteger(at: start + Frame.headerSize + size, as: UInt8.self),
            let payload = self.getSlice(at: start + Frame.headerSize, length: size)
        else { return nil }
        let frame = Frame(kind: kind, channel: channel, payload: payload)
        guard end == Frame.end else { throw .badEnd(frame, found: end) }
        self.moveReaderIndex(forwardBy: size + Frame.overhead)
        return frame
    }
}
