import EnokiBroker
import NIOCore

extension Headers {
    /// Writes the table, its length first.
    func write(into buffer: inout ByteBuffer) {
        let start = buffer.beginLongLength()
        for element in self {
            buffer.writeShortString(element.name)
            element.value.write(into: &buffer)
        }
        buffer.endLongLength(start)
    }
}

extension FieldValue {
    /// Writes the value, the letter of its kind first.
    fileprivate func write(into buffer: inout ByteBuffer) {
        switch self {
        case .bool(let value): buffer.writeField("t", value ? UInt8(1) : 0)
        case .int8(let value): buffer.writeField("b", value)
        case .uint8(let value): buffer.writeField("B", value)
        case .int16(let value): buffer.writeField("s", value)
        case .uint16(let value): buffer.writeField("u", value)
        case .int32(let value): buffer.writeField("I", value)
        case .uint32(let value): buffer.writeField("i", value)
        case .int64(let value): buffer.writeField("l", value)
        case .uint64(let value): buffer.writeField("L", value)
        case .float(let value): buffer.writeField("f", value.bitPattern)
        case .double(let value): buffer.writeField("d", value.bitPattern)
        case .decimal(let scale, let value):
            buffer.writeField("D", scale)
            buffer.writeInteger(value)
        case .string(let value):
            buffer.writeKind("S")
            buffer.writeLongString(value)
        case .bytes(let value):
            buffer.writeKind("x")
            buffer.writeLongString(value)
        case .array(let values):
            buffer.writeKind("A")
            let start = buffer.beginLongLength()
            for value in values { value.write(into: &buffer) }
            buffer.endLongLength(start)
        case .timestamp(let value): buffer.writeField("T", value)
        case .table(let value):
            buffer.writeKind("F")
            value.write(into: &buffer)
        case .void: buffer.writeKind("V")
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeKind(_ letter: Unicode.Scalar) { self.writeInteger(UInt8(ascii: letter)) }

    fileprivate mutating func writeField(_ letter: Unicode.Scalar, _ value: some FixedWidthInteger) {
        self.writeMultipleIntegers(UInt8(ascii: letter), value)
    }
}
