/// A frame as a test writes it, right or wrong, and as a broker sends it (AMQP 0-9-1 §4.2.3).
public struct RawFrame: Sendable {
    /// Method 1, header 2, body 3, heartbeat 8.
    public var kind: UInt8
    /// The number of the channel.
    public var channel: UInt16
    /// What is between the head and the last octet.
    public var payload: [UInt8]
    /// The last octet, `0xCE` in a frame that is right.
    public var end: UInt8

    /// A frame of any octets.
    public init(kind: UInt8, channel: UInt16, payload: [UInt8] = [], end: UInt8 = Self.rightEnd) {
        self.kind = kind
        self.channel = channel
        self.payload = payload
        self.end = end
    }

    /// The octet that ends a frame.
    public static let rightEnd: UInt8 = 0xCE

    private static let headSize = 7

    /// The frame's octets.
    public var bytes: [UInt8] {
        var writer = WireWriter()
        writer.integer(self.kind)
        writer.integer(self.channel)
        writer.longString(self.payload)
        writer.integer(self.end)
        return writer.finish()
    }

    /// Cuts the first whole frame off `buffer`; `nil` as long as it has not come whole.
    static func next(from buffer: inout [UInt8]) throws -> RawFrame? {
        guard buffer.count > Self.headSize else { return nil }
        var reader = WireReader(buffer.prefix(Self.headSize))
        let kind = try reader.integer(UInt8.self)
        let channel = try reader.integer(UInt16.self)
        let end = Self.headSize + Int(try reader.integer(UInt32.self))
        guard buffer.count > end else { return nil }
        defer { buffer.removeFirst(end + 1) }
        return RawFrame(kind: kind, channel: channel, payload: Array(buffer[Self.headSize..<end]), end: buffer[end])
    }
}

extension RawFrame {
    /// A frame with a method.
    public static func method(
        _ classID: UInt16,
        _ methodID: UInt16,
        _ arguments: RawArgument...,
        on channel: UInt16
    ) -> RawFrame {
        RawFrame(
            kind: 1,
            channel: channel,
            payload: RawArgument.octets(of: [.short(classID), .short(methodID)] + arguments)
        )
    }

    /// A frame with a method that is written as it should be.
    public static func method(_ method: AMQPMethod, on channel: UInt16) -> RawFrame {
        RawFrame(kind: 1, channel: channel, payload: method.wirePayload)
    }

    /// A frame with the head of a content; the flags say which of the properties are there.
    public static func header(
        size: UInt64,
        flags: UInt16 = 0,
        _ properties: RawArgument...,
        ofClass classID: UInt16 = 60,
        weight: UInt16 = 0,
        on channel: UInt16
    ) -> RawFrame {
        let head: [RawArgument] = [.short(classID), .short(weight), .longlong(size), .short(flags)]
        return RawFrame(kind: 2, channel: channel, payload: RawArgument.octets(of: head + properties))
    }

    /// A frame with a part of a body.
    public static func body(_ text: String, on channel: UInt16) -> RawFrame {
        RawFrame(kind: 3, channel: channel, payload: Array(text.utf8))
    }

    /// A heartbeat.
    public static let heartbeat = RawFrame(kind: 8, channel: 0)
}
