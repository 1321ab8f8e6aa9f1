import NIOCore

extension Frame {
    /// Writes the whole frame.
    func write(into buffer: inout ByteBuffer) {
        let start = buffer.beginFrame(self.kind, channel: self.channel)
        buffer.writeImmutableBuffer(self.payload)
        buffer.endFrame(start)
    }

    /// Writes a heartbeat, which is always of channel 0 (§2.3.7).
    static func writeHeartbeat(into buffer: inout ByteBuffer) {
        buffer.endFrame(buffer.beginFrame(.heartbeat, channel: 0))
    }

    /// Writes `body` as frames of at most `frameMax` octets in all; no frame for an empty body, 0 for no limit.
    static func writeBody(_ body: [UInt8], into buffer: inout ByteBuffer, channel: UInt16, frameMax: Int) {
        // A limit that leaves no room for a payload cannot have been agreed on: the least is 4096 octets (§1.4.2.6).
        let size = frameMax == 0 ? body.count : max(frameMax - Self.overhead, 1)
        var rest = body[...]
        while !rest.isEmpty {
            let start = buffer.beginFrame(.body, channel: channel)
            buffer.writeBytes(rest.prefix(size))
            buffer.endFrame(start)
            rest = rest.dropFirst(size)
        }
    }
}

extension ByteBuffer {
    /// Begins a frame, of which the payload is written next.
    ///
    /// - Returns: Where the payload begins, for ``endFrame(_:)``.
    mutating func beginFrame(_ kind: Frame.Kind, channel: UInt16) -> Int {
        self.writeMultipleIntegers(kind.octet, channel, UInt32(0))
        return self.writerIndex
    }

    /// Ends the frame whose payload begins at `start`.
    mutating func endFrame(_ start: Int) {
        self.setInteger(UInt32(clamping: self.writerIndex - start), at: start - 4)
        self.writeInteger(Frame.end)
    }
}
