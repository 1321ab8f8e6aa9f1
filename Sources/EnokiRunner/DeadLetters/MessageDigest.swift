import Enoki
import EnokiBroker

/// Names a message by what it is: the same message has the same digest, wherever and whenever it is looked at.
///
/// It is FNV-1a in 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>): short enough to be typed, and no protection against
/// somebody who makes two messages of one digest on purpose. Both are shown then, and both are meant.
struct MessageDigest: Sendable, Hashable, CustomStringConvertible {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    /// The digest of body, properties and headers.
    init(_ message: Message) {
        let properties = message.properties
        self.combine(bytes: message.body)
        for text in [
            properties.contentType, properties.contentEncoding, properties.correlationID, properties.replyTo,
            properties.messageID, properties.type, properties.userID, properties.appID, properties.clusterID,
            properties.expirationText,
        ] {
            // Otherwise an empty text would be the same as none.
            self.combine(byte: text == nil ? 0 : 1)
            self.combine(text: text ?? "")
        }
        self.combine(
            text: "\(properties.deliveryModeOctet ?? 0) \(properties.priority ?? 0) \(properties.timestamp ?? 0)"
        )
        // The broker counts in it how often somebody has looked (quorum queues).
        let headers = properties.headers.filter { $0.name != "x-delivery-count" }
        self.combine(headers: Headers(headers.map { ($0.name, $0.value) }))
    }

    /// Twelve hexadecimal digits.
    var description: String {
        let digits = String(self.state, radix: 16)
        return String((String(repeating: "0", count: 16 - digits.count) + digits).suffix(12))
    }

    private mutating func combine(headers: Headers) {
        self.combine(byte: UInt8(ascii: "{"))
        for header in headers {
            self.combine(text: header.name)
            self.combine(value: header.value)
        }
        self.combine(byte: UInt8(ascii: "}"))
    }

    private mutating func combine(value: FieldValue) {
        switch value {
        case .bytes(let bytes): self.combine(bytes: bytes)
        case .table(let headers): self.combine(headers: headers)
        case .array(let values):
            self.combine(byte: UInt8(ascii: "["))
            for value in values { self.combine(value: value) }
            self.combine(byte: UInt8(ascii: "]"))
        default: self.combine(text: "\(value)")
        }
    }

    private mutating func combine(text: String) { self.combine(bytes: Array(text.utf8)) }

    /// The bytes and their number, so that of two texts in a row it counts where the first one ends.
    private mutating func combine(bytes: [UInt8]) {
        for byte in bytes { self.combine(byte: byte) }
        var count = UInt64(bytes.count)
        while count > 0 {
            self.combine(byte: UInt8(truncatingIfNeeded: count))
            count >>= 8
        }
        self.combine(byte: 0xff)
    }

    private mutating func combine(byte: UInt8) {
        self.state = (self.state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
}
