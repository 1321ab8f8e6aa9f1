import CRabbitMQ

/// Bytes on their way to the broker: frames are encoded at its end, and sent from its front.
final class OutputBuffer {
    private var bytes: UnsafeMutableRawBufferPointer
    /// Where the bytes that are not sent yet begin.
    private(set) var start = 0
    /// Where the next frame goes.
    private(set) var end = 0

    /// The largest frame that may be encoded, as negotiated.
    let frameMax: Int

    init(frameMax: Int) {
        self.frameMax = frameMax
        self.bytes = .allocate(byteCount: 256 * 1024, alignment: 16)
    }

    deinit {
        self.bytes.deallocate()
    }

    /// How many bytes wait.
    var count: Int { self.end - self.start }
    var isEmpty: Bool { self.start == self.end }

    /// The bytes that wait.
    func withUnsent<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        body(UnsafeRawBufferPointer(rebasing: self.bytes[self.start..<self.end]))
    }

    /// Forgets `count` bytes at the front.
    func consume(_ count: Int) {
        self.start += count
        if self.start == self.end { self.removeAll() }
    }

    /// Forgets all bytes. A buffer that has grown much gives its memory back.
    func removeAll() {
        self.start = 0
        self.end = 0
        if self.bytes.count > 8 * 1024 * 1024 {
            self.bytes.deallocate()
            self.bytes = .allocate(byteCount: 256 * 1024, alignment: 16)
        }
    }

    /// Forgets what was appended since ``count`` was `count`.
    func rollBack(to count: Int) { self.end = self.start + count }

    /// Takes `range`, in offsets from ``start``, out of the middle.
    func remove(_ range: Range<Int>) {
        guard let base = self.bytes.baseAddress, range.upperBound <= self.count else { return }
        let gap = base + self.start + range.lowerBound
        gap.copyMemory(from: gap + range.count, byteCount: self.count - range.upperBound)
        self.end -= range.count
    }

    private func reserve(_ count: Int) {
        guard self.end + count > self.bytes.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(self.bytes.count * 2, self.count + count),
            alignment: 16
        )
        self.withUnsent { larger.copyMemory(from: $0) }
        self.bytes.deallocate()
        self.bytes = larger
        self.end -= self.start
        self.start = 0
    }
}

// Frames, AMQP 0-9-1 §4.2.3: type, channel, size, payload, end byte.
extension OutputBuffer {
    private static let headerSize = 7
    private static let endByte = UInt8(AMQP_FRAME_END)

    /// Why librabbitmq could not encode. All that callers pass was checked, so this shows a defect.
    struct EncodingFailure: Error {
        var status: Int32
    }

    /// Appends a method frame with the arguments `method`, the struct of librabbitmq that belongs to `id`.
    func appendMethod<Arguments>(
        _ id: amqp_method_number_t,
        _ arguments: Arguments,
        channel: UInt16
    ) throws(EncodingFailure) {
        var arguments = arguments
        try self.appendFrame(UInt8(AMQP_FRAME_METHOD), channel: channel, room: self.frameMax - Self.headerSize - 1) {
            payload in
            payload.storeBytes(of: id.bigEndian, as: UInt32.self)
            let room = amqp_bytes_t(len: payload.count - 4, bytes: payload.baseAddress.map { $0 + 4 })
            let size = withUnsafeMutableBytes(of: &arguments) { amqp_encode_method(id, $0.baseAddress, room) }
            return size < 0 ? size : size + 4
        }
    }

    /// Appends the header frame of a message of class basic.
    func appendHeader(
        _ properties: amqp_basic_properties_t,
        bodySize: Int,
        channel: UInt16
    ) throws(EncodingFailure) {
        var properties = properties
        try self.appendFrame(UInt8(AMQP_FRAME_HEADER), channel: channel, room: self.frameMax - Self.headerSize - 1) {
            payload in
            payload.storeBytes(of: UInt16(AMQP_BASIC_CLASS).bigEndian, toByteOffset: 0, as: UInt16.self)
            payload.storeBytes(of: 0, toByteOffset: 2, as: UInt16.self)
            payload.storeBytes(of: UInt64(bodySize).bigEndian, toByteOffset: 4, as: UInt64.self)
            let room = amqp_bytes_t(len: payload.count - 12, bytes: payload.baseAddress.map { $0 + 12 })
            let size = amqp_encode_properties(UInt16(AMQP_BASIC_CLASS), &properties, room)
            return size < 0 ? size : size + 12
        }
    }

    /// Appends a body as frames of at most ``frameMax`` bytes.
    func appendBody(_ body: [UInt8], channel: UInt16) {
        let fragment = self.frameMax - Self.headerSize - 1
        body.withUnsafeBytes { body in
            var offset = 0
            while offset < body.count {
                let size = min(fragment, body.count - offset)
                let part = UnsafeRawBufferPointer(rebasing: body[offset..<offset + size])
                // It cannot fail: it copies.
                try? self.appendFrame(UInt8(AMQP_FRAME_BODY), channel: channel, room: size) { payload in
                    payload.copyMemory(from: part)
                    return Int32(size)
                }
                offset += size
            }
        }
    }

    /// Appends a heartbeat.
    func appendHeartbeat() {
        try? self.appendFrame(UInt8(AMQP_FRAME_HEARTBEAT), channel: 0, room: 0) { _ in 0 }
    }

    private func appendFrame(
        _ type: UInt8,
        channel: UInt16,
        room: Int,
        _ encodePayload: (UnsafeMutableRawBufferPointer) -> Int32
    ) throws(EncodingFailure) {
        self.reserve(Self.headerSize + room + 1)
        let frame = UnsafeMutableRawBufferPointer(rebasing: self.bytes[self.end...])
        let payload = UnsafeMutableRawBufferPointer(
            rebasing: frame[Self.headerSize..<Self.headerSize + room]
        )
        let size = encodePayload(payload)
        guard size >= 0 else { throw EncodingFailure(status: size) }
        frame.storeBytes(of: type, as: UInt8.self)
        frame.storeBytes(of: channel.bigEndian, toByteOffset: 1, as: UInt16.self)
        frame.storeBytes(of: UInt32(size).bigEndian, toByteOffset: 3, as: UInt32.self)
        frame.storeBytes(of: Self.endByte, toByteOffset: Self.headerSize + Int(size), as: UInt8.self)
        self.end += Self.headerSize + Int(size) + 1
    }
}
