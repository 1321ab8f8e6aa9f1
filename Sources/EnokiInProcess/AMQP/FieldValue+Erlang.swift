import EnokiBroker

/// How RabbitMQ's texts name and write the values of a table.
extension FieldValue {
    /// The name of the type in RabbitMQ's source.
    var erlangType: String {
        switch self {
        case .bool: "bool"
        case .int8: "byte"
        case .uint8: "unsignedbyte"
        case .int16: "short"
        case .uint16: "unsignedshort"
        case .int32: "signedint"
        case .uint32: "unsignedint"
        case .int64, .uint64: "long"
        case .float: "float"
        case .double: "double"
        case .decimal: "decimal"
        case .string: "longstr"
        case .bytes: "binary"
        case .array: "array"
        case .timestamp: "timestamp"
        case .table: "table"
        case .void: "void"
        }
    }

    /// The value as RabbitMQ writes it, without quotes.
    var erlangText: String { self.stringValue ?? self.integerValue.map { "\($0)" } ?? self.description }

    /// Whether RabbitMQ takes both for the same argument: of one class of types, and equal.
    func isEquivalent(to other: FieldValue) -> Bool {
        if let left = self.integerValue, let right = other.integerValue { return left == right }
        if let left = self.stringValue, let right = other.stringValue { return left.hasSameBytes(as: right) }
        return self == other
    }
}
