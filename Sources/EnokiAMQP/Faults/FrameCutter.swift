import NIOCore

/// Cuts what passes in one direction into frames, as long as it is made of them; performs no I/O.
struct FrameCutter {
    /// A part of what passes.
    struct Piece: Equatable {
        /// What it is; `nil` where it is nothing that AMQP 0-9-1 knows.
        let kind: WireFault.FrameKind?
        /// All of it.
        let bytes: ByteBuffer
        /// What is between its header and its end.
        let payload: ByteBuffer
    }

    private static let protocolHeaderSize = 8

    private let frameMax: Int
    private var buffer = ByteBuffer()
    private var isAtStart = true
    /// Whether what comes is out of step for good, and is not cut any more.
    private var isLost = false

    /// - Parameter frameMax: The most bytes of a frame; one that says it is larger is none.
    init(frameMax: Int) { self.frameMax = frameMax }

    /// Adds what came.
    mutating func append(_ bytes: ByteBuffer) {
        if self.buffer.readableBytes == 0 {
            self.buffer = bytes
        } else {
            self.buffer.discardReadBytes()
            self.buffer.writeImmutableBuffer(bytes)
        }
    }

    /// The next piece; `nil` when more bytes are needed.
    mutating func next() -> Piece? {
        guard let octet = self.buffer.getInteger(at: self.buffer.readerIndex, as: UInt8.self) else { return nil }
        if self.isAtStart, octet == UInt8(ascii: "A") {
            guard let header = self.buffer.readSlice(length: Self.protocolHeaderSize) else { return nil }
            self.isAtStart = false
            return Piece(kind: .protocolHeader, bytes: header, payload: ByteBuffer())
        }
        self.isAtStart = false
        if case .unknown = Frame.Kind(octet: octet) { self.isLost = true }
        if !self.isLost {
            let whole = self.buffer
            do {
                guard let frame = try self.buffer.readFrame(frameMax: self.frameMax) else { return nil }
                let size = self.buffer.readerIndex - whole.readerIndex
                guard let bytes = whole.getSlice(at: whole.readerIndex, length: size) else { return nil }
                return Piece(kind: WireFault.FrameKind(frame), bytes: bytes, payload: frame.payload)
            } catch {
                self.isLost = true
            }
        }
        defer { self.buffer.clear() }
        return Piece(kind: nil, bytes: self.buffer, payload: ByteBuffer())
    }
}
