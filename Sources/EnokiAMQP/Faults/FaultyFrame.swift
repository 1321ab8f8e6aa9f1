import NIOCore

/// A frame to which things happen on its way.
struct FaultyFrame {
    private static let sizeOffset = 3
    /// Where a content header has the size of the body (AMQP 0-9-1 §2.3.5.2): after the frame's header, class and weight.
    private static let bodySizeOffset = Frame.headerSize + 4

    private var bytes: ByteBuffer
    private var count = 1
    private var delay: Duration?
    /// Whether what follows the frame does not come.
    private(set) var isCut = false

    init(_ bytes: ByteBuffer) { self.bytes = bytes }

    /// What becomes of the frame.
    var actions: [FaultyWire.Action] {
        let count = self.bytes.readableBytes == 0 ? 0 : self.count
        return (self.delay.map { [.wait($0)] } ?? []) + Array(repeating: .pass(self.bytes), count: count)
    }

    /// Something happens to it, if it is something that happens to frames.
    mutating func suffer(_ effect: WireFault.Effect) {
        let last = self.bytes.readableBytes - 1
        guard last >= 0 else { return }
        switch effect {
        case .lose: self.count = 0
        case .duplicate: self.count = 2
        case .delay(let delay): self.delay = delay
        case .cut(let count):
            self.isCut = true
            self.bytes = self.bytes.getSlice(at: self.bytes.readerIndex, length: min(count, last + 1)) ?? ByteBuffer()
        case .flip(let byte): self.change(at: min(byte, last), as: UInt8.self, ~)
        case .wrongEnd(let octet): self.change(at: last, as: UInt8.self) { _ in octet }
        case .resize(let difference):
            self.change(at: Self.sizeOffset, as: UInt32.self) { UInt32(clamping: Int64($0) + Int64(difference)) }
        case .wrongSize(let size): self.change(at: Self.sizeOffset, as: UInt32.self) { _ in size }
        case .announceBody(let size): self.change(at: Self.bodySizeOffset, as: UInt64.self) { _ in size }
        case .end, .silence, .blackhole, .stopHeartbeats, .throttle, .inject, .blockPublishers: break
        }
    }

    private mutating func change<Field: FixedWidthInteger>(at offset: Int, as: Field.Type, _ change: (Field) -> Field) {
        let index = self.bytes.readerIndex + offset
        guard let field = self.bytes.getInteger(at: index, as: Field.self) else { return }
        self.bytes.setInteger(change(field), at: index)
    }
}
