import EnokiBroker
import NIOCore

/// Reads the fields of a payload one after the other (AMQP 0-9-1 §4.2.5). Nothing is allocated that is not there.
struct FieldReader {
    private var buffer: ByteBuffer

    /// A reader of all that `buffer` has.
    init(_ buffer: ByteBuffer) { self.buffer = buffer }

    /// Whether all is read.
    var isAtEnd: Bool { self.buffer.readableBytes == 0 }

    /// Throws when something is left.
    func end() throws(SyntaxError.Reason) {
        guard self.isAtEnd else { throw .cannotDecode }
    }

    /// An integer, most significant octet first.
    mutating func integer<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(SyntaxError.Reason) -> Value {
        guard let value = self.buffer.readInteger(as: Value.self) else { throw .cannotDecode }
        return value
    }

    /// An octet of up to eight booleans; those that nobody knows are ignored.
    mutating func bits() throws(SyntaxError.Reason) -> Bits { Bits(octet: try self.integer()) }

    /// A short string that is a name, and so must be UTF-8.
    mutating func name() throws(SyntaxError.Reason) -> String {
        let length = Int(try self.integer(UInt8.self))
        guard let bytes = self.buffer.viewBytes(at: self.buffer.readerIndex, length: length) else {
            throw .cannotDecode
        }
        guard let name = String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
        self.buffer.moveReaderIndex(forwardBy: length)
        return name
    }

    /// A short string; what is not UTF-8 is replaced by U+FFFD.
    mutating func shortString() throws(SyntaxError.Reason) -> String {
        let length = Int(try self.integer(UInt8.self))
        guard let value = self.buffer.readString(length: length) else { throw .cannotDecode }
        return value
    }

    /// A long string, which is any octets.
    mutating func longString() throws(SyntaxError.Reason) -> [UInt8] {
        let length = Int(try self.integer(UInt32.self))
        guard let bytes = self.buffer.readBytes(length: length) else { throw .cannotDecode }
        return bytes
    }

    /// Passes over a short string.
    mutating func skipShortString() throws(SyntaxError.Reason) {
        let length = Int(try self.integer(UInt8.self))
        guard self.buffer.readableBytes >= length else { throw .cannotDecode }
        self.buffer.moveReaderIndex(forwardBy: length)
    }

    /// Passes over the short that once was a ticket (`access.request`).
    mutating func skipTicket() throws(SyntaxError.Reason) { _ = try self.integer(UInt16.self) }

    /// A long string that is text, or `nil` where it is not UTF-8 and nothing is read.
    mutating func text() throws(SyntaxError.Reason) -> String? {
        guard let length = self.buffer.getInteger(at: self.buffer.readerIndex, as: UInt32.self),
            let bytes = self.buffer.viewBytes(at: self.buffer.readerIndex + 4, length: Int(length))
        else { throw .cannotDecode }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self.buffer.moveReaderIndex(forwardBy: 4 + Int(length))
        return text
    }

    /// A reader of what a long length announces: the content of a table or of an array.
    mutating func nested() throws(SyntaxError.Reason) -> FieldReader {
        let length = Int(try self.integer(UInt32.self))
        guard let slice = self.buffer.readSlice(length: length) else { throw .cannotDecode }
        return FieldReader(slice)
    }
}

/// Booleans that share an octet, the first one lowest (§4.2.5.2).
struct Bits {
    let octet: UInt8

    subscript(position: UInt8) -> Bool { self.octet >> position & 1 == 1 }
}
