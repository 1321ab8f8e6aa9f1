import EnokiBroker
import NIOCore

/// What precedes the body of a message: how long it is, and the message's properties (AMQP 0-9-1 §2.3.5.2).
struct ContentHeader: Equatable {
    /// The class of the only methods with content, `basic`.
    static let classID: UInt16 = 60

    /// How many octets the body has, in all its frames.
    var bodySize: UInt64
    /// The properties.
    var properties: BasicProperties
    /// Flags and properties as the client wrote them; `nil` where the server made them. Written again, they tell another
    /// client what this one said, be it UTF-8 or not.
    var encoded: [UInt8]?

    /// A header of a message that the server has, or has changed.
    init(bodySize: UInt64, properties: BasicProperties, encoded: [UInt8]? = nil) {
        self.bodySize = bodySize
        self.properties = properties
        self.encoded = encoded
    }

    /// Reads the payload of a header frame, all of it.
    ///
    /// RabbitMQ reads the properties in the channel's process, which crashes where it cannot: the client gets 541
    /// `INTERNAL_ERROR` without a text.
    init(from payload: ByteBuffer) throws(SyntaxError) {
        var fields = payload
        guard let classID = fields.readInteger(as: UInt16.self), let weight = fields.readInteger(as: UInt16.self),
            let bodySize = fields.readInteger(as: UInt64.self)
        else { throw SyntaxError(reason: .cannotDecode, classID: 0, methodID: 0, fields: payload) }
        do throws(SyntaxError.Reason) {
            guard weight == 0 else { throw .wrongWeight }
            guard classID == Self.classID else { throw .wrongClass }
            var reader = FieldReader(fields)
            self.init(bodySize: bodySize, properties: try reader.properties(), encoded: Array(fields.readableBytesView))
            try reader.checkEnd()
        } catch {
            throw SyntaxError(reason: error, classID: classID, methodID: 0, fields: fields)
        }
    }

    /// The size of the body in the payload of a header frame, whether the rest can be read or not.
    static func bodySize(in payload: ByteBuffer) -> UInt64? {
        payload.getInteger(at: payload.readerIndex + 4, as: UInt64.self)
    }

    /// Writes the header as a whole frame: what the client wrote, if it was a client.
    func write(into buffer: inout ByteBuffer, channel: UInt16) {
        let start = buffer.beginFrame(.header, channel: channel)
        buffer.writeMultipleIntegers(Self.classID, UInt16(0), self.bodySize)
        if let encoded = self.encoded { buffer.writeBytes(encoded) } else { self.properties.write(into: &buffer) }
        buffer.endFrame(start)
    }
}
