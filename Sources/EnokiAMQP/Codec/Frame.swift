import NIOCore

/// A frame of AMQP 0-9-1 (§2.3): what it is, the channel that it belongs to, and its payload.
struct Frame: Equatable {
    /// What a frame holds.
    enum Kind: UInt8 {
        case method = 1
        case header = 2
        case body = 3
        case heartbeat = 8
    }

    /// The octet that ends every frame.
    static let end: UInt8 = 0xCE
    /// What a frame takes besides its payload.
    static let overhead = 8

    let kind: Kind
    let channel: UInt16
    let payload: ByteBuffer
}
