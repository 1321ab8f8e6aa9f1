import EnokiBroker
import NIOCore

/// Reads the fields of a payload one after the other (AMQP 0-9-1 §4.2.5). Nothing is allocated that is not there.
///
/// It reads in place, by an index: a slice of the buffer for each field, or for each table, would cost more than the fields.
struct FieldReader {
    private let buffer: ByteBuffer
    /// What is read next, counted from the first readable byte.
    private var index = 0
    /// Where the payload ends, or the table or array that is being read.
    private var end: Int

    /// A reader of all that `buffer` has.
    init(_ buffer: ByteBuffer) {
        self.buffer = buffer
        self.end = buffer.readableBytes
    }

    /// Whether all is read.
    var isAtEnd: Bool { self.index == self.end }

    /// Throws when something is left.
    func checkEnd() throws(SyntaxError.Reason) {
        guard self.isAtEnd else { throw .cannotDecode }
    }

    /// An integer, most significant octet first.
    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _: Value.Type = Value.self
    ) throws(SyntaxError.Reason) -> Value {
        let start = try self.advance(by: MemoryLayout<Value>.size)
        let octets = self.buffer.readableBytesSpan
        // Bounds are checked; any octets are an integer.
        return Value(bigEndian: octets.unsafeLoadUnaligned(fromByteOffset: start, as: Value.self))
    }

    /// An octet of up to eight booleans; those that nobody knows are ignored.
    mutating func bits() throws(SyntaxError.Reason) -> Bits { Bits(octet: try self.integer()) }

    /// A short string that is a name, and so must be UTF-8.
    mutating func name() throws(SyntaxError.Reason) -> String {
        let length = Int(try self.integer(UInt8.self))
        guard let name = self.text(at: try self.advance(by: length), length) else { throw .notUTF8 }
        return name
    }

    /// A short string; what is not UTF-8 is replaced by U+FFFD.
    mutating func shortString() throws(SyntaxError.Reason) -> String {
        let length = Int(try self.integer(UInt8.self))
        let start = try self.advance(by: length)
        return self.text(at: start, length) ?? String(decoding: self.octets(at: start, length), as: UTF8.self)
    }

    /// A long string, which is any octets.
    mutating func longString() throws(SyntaxError.Reason) -> [UInt8] {
        let length = Int(try self.integer(UInt32.self))
        return self.octets(at: try self.advance(by: length), length)
    }

    /// A long string as a value of a table: text, or octets where it is not UTF-8.
    mutating func longStringValue() throws(SyntaxError.Reason) -> FieldValue {
        let length = Int(try self.integer(UInt32.self))
        let start = try self.advance(by: length)
        return self.text(at: start, length).map { .string($0) } ?? .bytes(self.octets(at: start, length))
    }

    /// Passes over a short string.
    mutating func skipShortString() throws(SyntaxError.Reason) {
        let length = Int(try self.integer(UInt8.self))
        _ = try self.advance(by: length)
    }

    /// Passes over the short that once was a ticket (`access.request`).
    mutating func skipTicket() throws(SyntaxError.Reason) { _ = try self.advance(by: 2) }

    /// Goes into a table or an array, whose length is read: the end is now its end.
    ///
    /// - Returns: The end before, for ``leave(to:)``.
    mutating func enter() throws(SyntaxError.Reason) -> Int {
        let length = Int(try self.integer(UInt32.self))
        let outerEnd = self.end
        self.end = try self.advance(by: length) + length
        self.index = self.end - length
        return outerEnd
    }

    /// Leaves what ``enter()`` went into, when all of it is read.
    mutating func leave(to outerEnd: Int) { self.end = outerEnd }

    // MARK: - In place

    /// Passes over `length` octets, which must be there.
    ///
    /// - Returns: Where they begin.
    private mutating func advance(by length: Int) throws(SyntaxError.Reason) -> Int {
        guard length <= self.end - self.index else { throw .cannotDecode }
        defer { self.index += length }
        return self.index
    }

    private func text(at start: Int, _ length: Int) -> String? {
        let octets = self.buffer.readableBytesUInt8Span.extracting(start..<start + length)
        guard let text = try? UTF8Span(validating: octets) else { return nil }
        return String(copying: text)
    }

    private func octets(at start: Int, _ length: Int) -> [UInt8] {
        self.buffer.getBytes(at: self.buffer.readerIndex + start, length: length) ?? []
    }
}

/// Booleans that share an octet, the first one lowest (§4.2.5.2).
struct Bits {
    let octet: UInt8

    subscript(position: UInt8) -> Bool { self.octet >> position & 1 == 1 }
}
