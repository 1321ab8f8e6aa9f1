import EnokiBroker

extension RawFrame {
    /// The frame as it stands in a trace, all its octets told: `1 queue.declare-ok 'q' 0 0`.
    var text: String {
        let content: String
        switch self.kind {
        case 1: content = self.methodText
        case 2: content = self.headerText
        case 3: content = "body \(Self.quoted(self.payload))"
        case 8 where self.payload.isEmpty: content = "heartbeat"
        default: content = "kind \(self.kind) \(Self.hex(self.payload))"
        }
        let end = self.end == Self.rightEnd ? "" : " ending with \(self.end)"
        return "\(self.channel) \(content)\(end)"
    }

    private var methodText: String {
        var reader = WireReader(self.payload)
        guard let classID = try? reader.integer(UInt16.self), let methodID = try? reader.integer(UInt16.self),
            let method = Self.methods[classID]?[methodID]
        else { return "method \(Self.hex(self.payload))" }
        var words = [method.name]
        do {
            for argument in method.arguments { words.append(try Self.word(argument, from: &reader)) }
            if !reader.isAtEnd { words.append("and more") }
        } catch {
            words.append("and less")
        }
        return words.joined(separator: " ")
    }

    /// Properties are told by their octets.
    private var headerText: String {
        var reader = WireReader(self.payload)
        guard let classID = try? reader.integer(UInt16.self), let weight = try? reader.integer(UInt16.self),
            let size = try? reader.integer(UInt64.self), let flags = try? reader.integer(UInt16.self)
        else { return "header \(Self.hex(self.payload))" }
        var words = ["header", "\(classID)"]
        if weight != 0 { words.append("weight \(weight)") }
        words.append("size \(size)")
        if flags != 0 { words.append("flags \(Self.hex(self.payload[12..<14]))") }
        let properties = self.payload.dropFirst(14)
        if !properties.isEmpty { words.append(Self.quoted(properties)) }
        return words.joined(separator: " ")
    }

    private enum Argument {
        case octet, short, long, longlong, shortString, longString, table
    }

    /// What a server sends (AMQP 0-9-1 §1, and RabbitMQ's extensions), by the numbers of class and method.
    private static let methods: [UInt16: [UInt16: (name: String, arguments: [Argument])]] = [
        10: [
            10: ("connection.start", [.octet, .octet, .table, .longString, .longString]),
            30: ("connection.tune", [.short, .long, .short]),
            41: ("connection.open-ok", [.shortString]),
            50: ("connection.close", [.short, .shortString, .short, .short]),
            51: ("connection.close-ok", []),
            60: ("connection.blocked", [.shortString]),
            61: ("connection.unblocked", []),
            71: ("connection.update-secret-ok", []),
        ],
        20: [
            11: ("channel.open-ok", [.longString]),
            21: ("channel.flow-ok", [.octet]),
            40: ("channel.close", [.short, .shortString, .short, .short]),
            41: ("channel.close-ok", []),
        ],
        30: [11: ("access.request-ok", [.short])],
        40: [
            11: ("exchange.declare-ok", []),
            21: ("exchange.delete-ok", []),
            31: ("exchange.bind-ok", []),
            51: ("exchange.unbind-ok", []),
        ],
        50: [
            11: ("queue.declare-ok", [.shortString, .long, .long]),
            21: ("queue.bind-ok", []),
            31: ("queue.purge-ok", [.long]),
            41: ("queue.delete-ok", [.long]),
            51: ("queue.unbind-ok", []),
        ],
        60: [
            11: ("basic.qos-ok", []),
            21: ("basic.consume-ok", [.shortString]),
            30: ("basic.cancel", [.shortString, .octet]),
            31: ("basic.cancel-ok", [.shortString]),
            50: ("basic.return", [.short, .shortString, .shortString, .shortString]),
            60: ("basic.deliver", [.shortString, .longlong, .octet, .shortString, .shortString]),
            71: ("basic.get-ok", [.longlong, .octet, .shortString, .shortString, .long]),
            72: ("basic.get-empty", [.shortString]),
            80: ("basic.ack", [.longlong, .octet]),
            111: ("basic.recover-ok", []),
            120: ("basic.nack", [.longlong, .octet]),
        ],
        85: [11: ("confirm.select-ok", [])],
        90: [11: ("tx.select-ok", []), 21: ("tx.commit-ok", []), 31: ("tx.rollback-ok", [])],
    ]

    private static func word(_ argument: Argument, from reader: inout WireReader) throws -> String {
        switch argument {
        case .octet: "\(try reader.integer(UInt8.self))"
        case .short: "\(try reader.integer(UInt16.self))"
        case .long: "\(try reader.integer(UInt32.self))"
        case .longlong: "\(try reader.integer(UInt64.self))"
        case .shortString: Self.quoted(try reader.take(Int(try reader.integer(UInt8.self))))
        case .longString: Self.quoted(try reader.longString())
        case .table: TraceText.of(try reader.table())
        }
    }

    /// The octets in quotes, those that are no ASCII by their number: `'<<"\xe9">>'`.
    private static func quoted(_ octets: some Collection<UInt8>) -> String {
        let letters = octets.map { octet in
            switch octet {
            case UInt8(ascii: "\n"): "\\n"
            case 32...126: String(UnicodeScalar(octet))
            default: "\\x\(Self.digits([octet]))"
            }
        }
        return "'\(letters.joined())'"
    }

    private static func hex(_ octets: some Collection<UInt8>) -> String { "0x\(Self.digits(octets))" }

    private static func digits(_ octets: some Collection<UInt8>) -> String {
        let digits = Array("0123456789abcdef")
        return String(octets.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
