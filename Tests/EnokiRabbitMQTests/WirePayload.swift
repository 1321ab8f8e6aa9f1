/// The payloads of frames, put together octet by octet (AMQP 0-9-1 §4.2).
enum WirePayload {
    static func method(_ classID: UInt8, _ methodID: UInt8) -> [UInt8] { [0, classID, 0, methodID] }

    /// `basic.deliver` to consumer `A`, from the default exchange.
    static let deliver = method(60, 60) + [1, 65, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]

    /// A content header of a body of one byte.
    static let header = method(60, 0) + [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]

    /// A table in a table in a table.
    static func nestedTable(depth: Int) -> [UInt8] {
        (0..<depth).flatMap { Self.size(7 * (depth - $0)) + [1, 0x6E, 0x46] } + Self.size(0)
    }

    /// Bytes with their number before them.
    static func long(_ bytes: [UInt8]) -> [UInt8] {
        Self.size(bytes.count) + bytes
    }

    static func size(_ count: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) }
    }
}
