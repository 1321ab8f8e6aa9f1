import EnokiBroker

extension FieldReader {
    /// A field table. Names that are not UTF-8 are repaired: nobody can have asked for them.
    mutating func table() throws(SyntaxError.Reason) -> Headers {
        var content = try self.nested()
        return try content.tableContent(depth: 0)
    }

    /// What a table has behind its length: all that is left.
    mutating func tableContent(depth: Int) throws(SyntaxError.Reason) -> Headers {
        guard depth < WireLimits.depth else { throw .tooDeep }
        var table = Headers()
        do throws(SyntaxError.Reason) {
            while !self.isAtEnd { table.append(try self.shortString(), try self.value(depth: depth)) }
        } catch {
            throw error == .tooDeep ? error : .malformedTable
        }
        return table
    }

    private mutating func arrayContent(depth: Int) throws(SyntaxError.Reason) -> [FieldValue] {
        guard depth < WireLimits.depth else { throw .tooDeep }
        var values: [FieldValue] = []
        while !self.isAtEnd { values.append(try self.value(depth: depth)) }
        return values
    }

    /// A value, behind the letter of its kind (see ``EnokiBroker/FieldValue``).
    private mutating func value(depth: Int) throws(SyntaxError.Reason) -> FieldValue {
        switch try self.integer(UInt8.self) {
        case UInt8(ascii: "S"):
            if let text = try self.text() { return .string(text) }
            return .bytes(try self.longString())
        case UInt8(ascii: "I"): return .int32(try self.integer())
        case UInt8(ascii: "F"):
            var content = try self.nested()
            return .table(try content.tableContent(depth: depth + 1))
        case UInt8(ascii: "A"):
            var content = try self.nested()
            return .array(try content.arrayContent(depth: depth + 1))
        case UInt8(ascii: "t"): return .bool(try self.integer(UInt8.self) != 0)
        case UInt8(ascii: "l"): return .int64(try self.integer())
        case UInt8(ascii: "T"): return .timestamp(try self.integer())
        case UInt8(ascii: "b"): return .int8(try self.integer())
        case UInt8(ascii: "B"): return .uint8(try self.integer())
        case UInt8(ascii: "s"): return .int16(try self.integer())
        case UInt8(ascii: "u"): return .uint16(try self.integer())
        case UInt8(ascii: "i"): return .uint32(try self.integer())
        case UInt8(ascii: "L"): return .uint64(try self.integer())
        case UInt8(ascii: "f"): return .float(Float(bitPattern: try self.integer()))
        case UInt8(ascii: "d"): return .double(Double(bitPattern: try self.integer()))
        case UInt8(ascii: "D"): return .decimal(scale: try self.integer(), value: try self.integer())
        case UInt8(ascii: "x"): return .bytes(try self.longString())
        case UInt8(ascii: "V"): return .void
        default: throw .malformedTable
        }
    }
}
