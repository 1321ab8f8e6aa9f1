import EnokiBroker
import NIOCore

/// Which properties are there: one bit each, in the order of AMQP 0-9-1 §1.8.3, the first one highest.
private struct PropertyFlags: OptionSet {
    let rawValue: UInt16

    static let contentType = Self(rawValue: 1 << 15)
    static let contentEncoding = Self(rawValue: 1 << 14)
    static let headers = Self(rawValue: 1 << 13)
    static let deliveryMode = Self(rawValue: 1 << 12)
    static let priority = Self(rawValue: 1 << 11)
    static let correlationID = Self(rawValue: 1 << 10)
    static let replyTo = Self(rawValue: 1 << 9)
    static let expiration = Self(rawValue: 1 << 8)
    static let messageID = Self(rawValue: 1 << 7)
    static let timestamp = Self(rawValue: 1 << 6)
    static let type = Self(rawValue: 1 << 5)
    static let userID = Self(rawValue: 1 << 4)
    static let appID = Self(rawValue: 1 << 3)
    static let clusterID = Self(rawValue: 1 << 2)
}

extension FieldReader {
    /// The properties of class `basic`, their flags first.
    ///
    /// The two lowest flags stand for no property. RabbitMQ ignores them, though the lowest says that more flags follow
    /// (§2.3.5.2): a client that means it gets an error for what it sends behind the flags.
    mutating func properties() throws(SyntaxError.Reason) -> BasicProperties {
        let flags = PropertyFlags(rawValue: try self.integer())
        var properties = BasicProperties()
        if flags.contains(.contentType) { properties.contentType = try self.shortString() }
        if flags.contains(.contentEncoding) { properties.contentEncoding = try self.shortString() }
        if flags.contains(.headers) { properties.headers = try self.table() }
        if flags.contains(.deliveryMode) { properties.deliveryModeOctet = try self.integer() }
        if flags.contains(.priority) { properties.priority = try self.integer() }
        if flags.contains(.correlationID) { properties.correlationID = try self.shortString() }
        if flags.contains(.replyTo) { properties.replyTo = try self.shortString() }
        if flags.contains(.expiration) { properties.expirationText = try self.shortString() }
        if flags.contains(.messageID) { properties.messageID = try self.shortString() }
        if flags.contains(.timestamp) { properties.timestamp = try self.integer() }
        if flags.contains(.type) { properties.type = try self.shortString() }
        if flags.contains(.userID) { properties.userID = try self.shortString() }
        if flags.contains(.appID) { properties.appID = try self.shortString() }
        if flags.contains(.clusterID) { properties.clusterID = try self.shortString() }
        return properties
    }
}

extension BasicProperties {
    /// Writes the properties that are there, their flags first.
    ///
    /// An empty header table is left out: nobody can tell it from none but by ``ContentHeader/encoded``.
    func write(into buffer: inout ByteBuffer) {
        let start = buffer.writerIndex
        var flags: PropertyFlags = []
        buffer.writeInteger(flags.rawValue)
        buffer.write(self.contentType, .contentType, &flags)
        buffer.write(self.contentEncoding, .contentEncoding, &flags)
        if !self.headers.isEmpty {
            flags.insert(.headers)
            self.headers.write(into: &buffer)
        }
        buffer.write(self.deliveryModeOctet, .deliveryMode, &flags)
        buffer.write(self.priority, .priority, &flags)
        buffer.write(self.correlationID, .correlationID, &flags)
        buffer.write(self.replyTo, .replyTo, &flags)
        buffer.write(self.expirationText, .expiration, &flags)
        buffer.write(self.messageID, .messageID, &flags)
        buffer.write(self.timestamp, .timestamp, &flags)
        buffer.write(self.type, .type, &flags)
        buffer.write(self.userID, .userID, &flags)
        buffer.write(self.appID, .appID, &flags)
        buffer.write(self.clusterID, .clusterID, &flags)
        buffer.setInteger(flags.rawValue, at: start)
    }
}

extension ByteBuffer {
    fileprivate mutating func write(_ value: String?, _ flag: PropertyFlags, _ flags: inout PropertyFlags) {
        guard let value else { return }
        flags.insert(flag)
        self.writeShortString(value)
    }

    fileprivate mutating func write(
        _ value: (some FixedWidthInteger)?,
        _ flag: PropertyFlags,
        _ flags: inout PropertyFlags
    ) {
        guard let value else { return }
        flags.insert(flag)
        self.writeInteger(value)
    }
}
