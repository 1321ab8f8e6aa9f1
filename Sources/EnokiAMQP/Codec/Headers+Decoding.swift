import EnokiBroker

extension FieldReader {
    /// A field table. Names that are not UTF-8 are repaired: nobody can have asked for them.
    mutating func table() throws(SyntaxError.Reason) -> Headers { try self.table(depth: 0) }

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

    private mutating func table(depth: Int) throws(SyntaxError.Reason) -> Headers {
        let end = try self.enter()
        let table = try self.tableContent(depth: depth)
        self.leave(to: end)
        return table
    }

    private mutating func array(depth: Int) throws(SyntaxError.Reason) -> [FieldValue] {
        guard depth < WireLimits.depth else { throw .tooDeep }
        let end = try self.enter()
        var values: [FieldValue] = []
        while !self.isAtEnd { values.append(try self.value(depth: depth)) }
        self.leave(to: end)
        return values
    }

    /// A value, behind the letter of its kind (see ``EnokiBroker/FieldValue``).
    private mutating func value(depth: Int) throws(SyntaxError.Reason) -> FieldValue {
        switch try self.integer(UInt8.self) {
        case UInt8(ascii: "S"): return try self.longStringValue()
        case UInt8(ascii: "I"): return .int32(try self.integer())
        case UInt8(ascii: "F"): return .table(try self.table(depth: depth + 1))
        case UInt8(ascii: "A"): return .array(try self.array(depth: depth + 1))
        case UInt8(ascii: "t"): return .bool(try self.integer(UInt8.self) != 0)
        case UInt8(ascii: "l"): return .int64(try self.integer())
        case UInt8(ascii: "T"): return .timestamp(try self.integer())
        case UInt8(ascii: "b"): return .int8(try self.integer())
        case UInt8(ascii: "B"): return .uint8(try self.integer())
        case UInt8(ascii: "s"): return .int16(try self.integer())
        case UInt8(ascii: "u"): return .uint16(try self.integer())
        case UInt8(ascii: "i"): return .uint32(try self.integer())
        case UInt8(ascii: "L"): return .uint64(try self.integer())
        case UInt8(ascii: "f"): return .float(try self.finite(Float(bitPattern: try self.integer())))
        case UInt8(ascii: "d"): return .double(try self.finite(Double(bitPattern: try self.integer())))
        case UInt8(ascii: "D"): return .decimal(scale: try self.integer(), value: try self.integer())
        case UInt8(ascii: "x"): return .bytes(try self.longString())
        case UInt8(ascii: "V"): return .void
        default: throw .malformedTable
        }
    }

    /// Erlang has no infinite numbers and no NaN: RabbitMQ's parser crashes over them as over an unknown kind.
    private func finite<Value: BinaryFloatingPoint>(_ value: Value) throws(SyntaxError.Reason) -> Value {
        guard value.isFinite else { throw .malformedTable }
        return value
    }
}
