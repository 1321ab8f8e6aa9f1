import EnokiBroker
import NIOCore

/// Writes the fields of a payload (AMQP 0-9-1 §4.2.5).
extension ByteBuffer {
    /// Writes a short string.
    ///
    /// What is longer than 255 octets is cut before the character that does not fit. Nobody can declare or publish such a
    /// name or property (``WireLimits``), but one that came as something else than UTF-8 grows when it is repaired.
    mutating func writeShortString(_ value: String) {
        let start = self.writerIndex
        self.writeInteger(UInt8(0))
        var length = self.writeString(value)
        if length > WireLimits.shortString {
            length = value.utf8Length(atMost: WireLimits.shortString)
            self.moveWriterIndex(to: start + 1 + length)
        }
        self.setInteger(UInt8(truncatingIfNeeded: length), at: start)
    }

    /// Writes a short string in Latin 1, as far as it has room; other characters become question marks.
    mutating func writeShortString(latin1 value: String) {
        let octets = value.unicodeScalars.prefix(WireLimits.shortString).map {
            UInt8(exactly: $0.value) ?? UInt8(ascii: "?")
        }
        self.writeInteger(UInt8(octets.count))
        self.writeBytes(octets)
    }

    /// Writes a long string of text.
    mutating func writeLongString(_ value: String) {
        let start = self.beginLongLength()
        self.writeString(value)
        self.endLongLength(start)
    }

    /// Writes a long string of any octets.
    mutating func writeLongString(_ value: [UInt8]) {
        self.writeInteger(UInt32(clamping: value.count))
        self.writeBytes(value)
    }

    /// Begins what has its length before it: a long string, a table or an array.
    ///
    /// - Returns: Where its content begins, for ``endLongLength(_:)``.
    mutating func beginLongLength() -> Int {
        self.writeInteger(UInt32(0))
        return self.writerIndex
    }

    /// Ends what begins at `start`.
    mutating func endLongLength(_ start: Int) {
        self.setInteger(UInt32(clamping: self.writerIndex - start), at: start - 4)
    }
}

extension String {
    /// How many bytes its first scalars take that fit into `limit` bytes.
    fileprivate func utf8Length(atMost limit: Int) -> Int {
        var end = self.utf8.index(self.startIndex, offsetBy: limit, limitedBy: self.endIndex) ?? self.endIndex
        while end.samePosition(in: self.unicodeScalars) == nil { self.utf8.formIndex(before: &end) }
        return self.utf8.distance(from: self.startIndex, to: end)
    }
}
