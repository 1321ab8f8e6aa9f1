/// A frame (AMQP 0-9-1 §4.2.3).
struct WireFrame {
    enum Kind: UInt8 {
        case method = 1
        case header = 2
        case body = 3
        case heartbeat = 8
    }

    /// What came is not a frame.
    struct Malformed: Error {}

    private static let endByte: UInt8 = 0xCE
    private static let headerSize = 7

    var kind: Kind
    var channel: UInt16
    var payload: [UInt8]

    /// The frame's bytes.
    var bytes: [UInt8] {
        var writer = WireWriter()
        writer.integer(self.kind.rawValue)
        writer.integer(self.channel)
        writer.longString(self.payload)
        writer.integer(Self.endByte)
        return writer.finish()
    }

    /// Cuts the first whole frame off `buffer`; `nil` as long as it has not come whole.
    static func next(from buffer: inout [UInt8]) throws -> WireFrame? {
        guard buffer.count > Self.headerSize else { return nil }
        var reader = WireReader(buffer.prefix(Self.headerSize))
        guard let kind = Kind(rawValue: try reader.integer()) else { throw Malformed() }
        let channel = try reader.integer(UInt16.self)
        let end = Self.headerSize + Int(try reader.integer(UInt32.self))
        guard buffer.count > end else { return nil }
        guard buffer[end] == Self.endByte else { throw Malformed() }
        defer { buffer.removeFirst(end + 1) }
        return WireFrame(kind: kind, channel: channel, payload: Array(buffer[Self.headerSize..<end]))
    }
}
