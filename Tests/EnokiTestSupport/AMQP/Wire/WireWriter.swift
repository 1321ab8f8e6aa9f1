import EnokiBroker

/// Builds the payload of a frame (AMQP 0-9-1 §4.2).
struct WireWriter {
    private(set) var bytes: [UInt8] = []
    /// Bits that share the octet to be written.
    private var bits: UInt8 = 0
    private var bitCount = 0

    init() {}

    /// A method frame's payload up to its arguments.
    init(classID: UInt16, methodID: UInt16) {
        self.integer(classID)
        self.integer(methodID)
    }

    mutating func integer(_ value: some FixedWidthInteger) {
        self.endBits()
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            self.bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// Successive bits share an octet, the first one lowest.
    mutating func bit(_ value: Bool) {
        if self.bitCount == 8 { self.endBits() }
        if value { self.bits |= 1 << self.bitCount }
        self.bitCount += 1
    }

    mutating func shortString(_ value: String) {
        self.integer(UInt8(value.utf8.count))
        self.bytes += value.utf8
    }

    mutating func longString(_ value: some Collection<UInt8>) {
        self.integer(UInt32(value.count))
        self.bytes += value
    }

    /// Octets as they are.
    mutating func octets(_ octets: some Collection<UInt8>) {
        self.endBits()
        self.bytes += octets
    }

    mutating func table(_ table: Headers) {
        var content = WireWriter()
        for element in table {
            content.shortString(element.name)
            content.field(element.value)
        }
        self.longString(content.bytes)
    }

    /// The payload, when all is written.
    mutating func finish() -> [UInt8] {
        self.endBits()
        return self.bytes
    }

    private mutating func endBits() {
        guard self.bitCount > 0 else { return }
        self.bytes.append(self.bits)
        self.bits = 0
        self.bitCount = 0
    }

    private mutating func kind(_ letter: Unicode.Scalar) { self.integer(UInt8(ascii: letter)) }

    private mutating func field(_ value: FieldValue) {
        switch value {
        case .bool(let value):
            self.kind("t")
            self.integer(UInt8(value ? 1 : 0))
        case .int8(let value):
            self.kind("b")
            self.integer(value)
        case .uint8(let value):
            self.kind("B")
            self.integer(value)
        case .int16(let value):
            self.kind("s")
            self.integer(value)
        case .uint16(let value):
            self.kind("u")
            self.integer(value)
        case .int32(let value):
            self.kind("I")
            self.integer(value)
        case .uint32(let value):
            self.kind("i")
            self.integer(value)
        case .int64(let value):
            self.kind("l")
            self.integer(value)
        case .uint64(let value):
            self.kind("L")
            self.integer(value)
        case .float(let value):
            self.kind("f")
            self.integer(value.bitPattern)
        case .double(let value):
            self.kind("d")
            self.integer(value.bitPattern)
        case .decimal(let scale, let value):
            self.kind("D")
            self.integer(scale)
            self.integer(value)
        case .string(let value):
            self.kind("S")
            self.longString(value.utf8)
        case .bytes(let value):
            self.kind("x")
            self.longString(value)
        case .array(let values):
            self.kind("A")
            var content = WireWriter()
            for value in values { content.field(value) }
            self.longString(content.bytes)
        case .timestamp(let value):
            self.kind("T")
            self.integer(value)
        case .table(let value):
            self.kind("F")
            self.table(value)
        case .void: self.kind("V")
        }
    }
}

extension WireWriter {
    /// The payload of a content header.
    static func header(_ message: Message) -> [UInt8] {
        var writer = WireWriter(classID: 60, methodID: 0)
        writer.integer(UInt64(message.body.count))
        let properties = message.properties
        var flags: UInt16 = 0
        var values = WireWriter()
        func set(_ bit: Int, if isSet: Bool) -> Bool {
            if isSet { flags |= 1 << bit }
            return isSet
        }
        func string(_ bit: Int, _ value: String?) {
            if set(bit, if: value != nil), let value { values.shortString(value) }
        }
        string(15, properties.contentType)
        string(14, properties.contentEncoding)
        if set(13, if: !properties.headers.isEmpty) { values.table(properties.headers) }
        if let mode = properties.deliveryMode, set(12, if: true) { values.integer(mode.rawValue) }
        if let priority = properties.priority, set(11, if: true) { values.integer(priority) }
        string(10, properties.correlationID)
        string(9, properties.replyTo)
        string(8, properties.expiration.map { "\($0.wholeMilliseconds)" })
        string(7, properties.messageID)
        if let timestamp = properties.timestamp, set(6, if: true) { values.integer(timestamp) }
        string(5, properties.type)
        string(4, properties.userID)
        string(3, properties.appID)
        string(2, properties.clusterID)
        writer.integer(flags)
        return writer.bytes + values.finish()
    }
}
