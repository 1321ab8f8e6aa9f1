import EnokiBroker
import NIOCore

/// What a connection is about to send, and what it may send to this client.
struct ConnectionOutput {
    /// The largest frame that the client takes.
    var frameMax = Handshake.initialFrameMax
    /// Whether the client wants to hear of consumers that the broker cancels.
    var canCancelConsumers = false
    private var bytes = ByteBuffer()

    /// How many bytes are to be sent.
    var count: Int { self.bytes.readableBytes }

    /// Writes a method.
    mutating func write(_ method: ServerMethod, on channel: UInt16 = 0) {
        method.write(into: &self.bytes, channel: channel)
    }

    /// Writes a method with its message.
    mutating func write(_ method: ServerMethod, _ message: Message, on channel: UInt16) {
        method.write(into: &self.bytes, channel: channel)
        let header = ContentHeader(
            bodySize: UInt64(message.body.count),
            properties: message.properties,
            encoded: message.encodedProperties
        )
        header.write(into: &self.bytes, channel: channel)
        Frame.writeBody(message.body, into: &self.bytes, channel: channel, frameMax: self.frameMax)
    }

    /// Writes a heartbeat.
    mutating func writeHeartbeat() { Frame.writeHeartbeat(into: &self.bytes) }

    /// Writes what is no frame: the protocol that the server speaks, to who speaks another.
    mutating func write(_ bytes: [UInt8]) { self.bytes.writeBytes(bytes) }

    /// Takes what has been written.
    mutating func take() -> ByteBuffer {
        defer { self.bytes = ByteBuffer() }
        return self.bytes
    }
}
