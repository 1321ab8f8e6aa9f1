public import EnokiBroker

/// A piece of a frame's payload, as a test writes it.
public enum RawArgument: Sendable {
    case octet(UInt8)
    case short(UInt16)
    case long(UInt32)
    case longlong(UInt64)
    case shortString(String)
    /// A short string that need not be UTF-8.
    case shortBytes([UInt8])
    case longString(String)
    case longBytes([UInt8])
    case table(Headers)
    /// Octets as they are, with no length before them.
    case bytes([UInt8])

    /// The octets of arguments, one after the other.
    public static func octets(of arguments: [RawArgument]) -> [UInt8] {
        var writer = WireWriter()
        for argument in arguments {
            switch argument {
            case .octet(let value): writer.integer(value)
            case .short(let value): writer.integer(value)
            case .long(let value): writer.integer(value)
            case .longlong(let value): writer.integer(value)
            case .shortString(let text): writer.shortString(text)
            case .shortBytes(let bytes):
                writer.integer(UInt8(bytes.count))
                writer.octets(bytes)
            case .longString(let text): writer.longString(text.utf8)
            case .longBytes(let bytes): writer.longString(bytes)
            case .table(let table): writer.table(table)
            case .bytes(let bytes): writer.octets(bytes)
            }
        }
        return writer.finish()
    }
}
