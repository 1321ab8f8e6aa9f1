/// The properties of a message: all that class `basic` of AMQP 0-9-1 (§1.8) knows, each absent by default.
public struct BasicProperties: Sendable, Hashable {
    /// Whether a broker keeps a message over its own restart, if the queue is durable too.
    public enum DeliveryMode: UInt8, Sendable, Hashable {
        /// `1`: in memory.
        case transient = 1
        /// `2`: on disk.
        case persistent = 2
    }

    /// The MIME type of the body, such as `application/json`.
    public var contentType: String?
    /// The encoding of the body; nameko writes the character set here, such as `utf-8`.
    public var contentEncoding: String?
    /// The header table.
    public var headers: Headers
    /// Transient or persistent.
    public var deliveryMode: DeliveryMode? { didSet { self.unknownDeliveryMode = nil } }
    /// The priority, 0 to 255; only queues declared with `x-max-priority` heed it.
    public var priority: UInt8?
    /// What ties a reply to its request.
    public var correlationID: String?
    /// Where the reply goes: with nameko a routing key on the RPC exchange.
    public var replyTo: String?
    /// How long the message may wait in a queue; travels in whole milliseconds. A value of the peer's that is not a
    /// number of milliseconds is read as absent.
    public var expiration: Duration? { didSet { self.irregularExpiration = nil } }
    /// The identity of the message.
    public var messageID: String?
    /// When it was made, in seconds since 1970-01-01 00:00:00 UTC.
    public var timestamp: UInt64?
    /// What kind of message it is, in the application's words.
    public var type: String?
    /// The user that published it; RabbitMQ refuses one that is not the connection's.
    public var userID: String?
    /// The application that published it.
    public var appID: String?
    /// Deprecated in AMQP 0-9-1, carried for completeness.
    public var clusterID: String?

    /// The octet of a delivery mode that is neither of the two.
    private var unknownDeliveryMode: UInt8?
    /// The text of an expiration that `expiration` would not be written as.
    private var irregularExpiration: String?

    /// Properties with the given values.
    public init(
        contentType: String? = nil,
        contentEncoding: String? = nil,
        headers: Headers = [:],
        deliveryMode: DeliveryMode? = nil,
        priority: UInt8? = nil,
        correlationID: String? = nil,
        replyTo: String? = nil,
        expiration: Duration? = nil,
        messageID: String? = nil,
        timestamp: UInt64? = nil,
        type: String? = nil,
        userID: String? = nil,
        appID: String? = nil,
        clusterID: String? = nil
    ) {
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        self.headers = headers
        self.deliveryMode = deliveryMode
        self.priority = priority
        self.correlationID = correlationID
        self.replyTo = replyTo
        self.expiration = expiration
        self.messageID = messageID
        self.timestamp = timestamp
        self.type = type
        self.userID = userID
        self.appID = appID
        self.clusterID = clusterID
    }
}

/// What a peer can write where only a few values have a meaning: a broker must see it to refuse it, or to pass it on.
extension BasicProperties {
    /// The delivery mode as the octet that it is on the wire. One that is neither of the two leaves ``deliveryMode``
    /// absent.
    package var deliveryModeOctet: UInt8? {
        get { self.deliveryMode?.rawValue ?? self.unknownDeliveryMode }
        set {
            self.deliveryMode = newValue.flatMap(DeliveryMode.init(rawValue:))
            if self.deliveryMode == nil { self.unknownDeliveryMode = newValue }
        }
    }

    /// The expiration as the text that it is on the wire: a number of milliseconds, or whatever a peer wrote. What is not
    /// a number, or longer than ``WireLimits/longestTime``, leaves ``expiration`` absent.
    package var expirationText: String? {
        get { self.irregularExpiration ?? self.expiration.map { String($0.wholeMilliseconds) } }
        set {
            // Bounded as RabbitMQ does, so that no sum with a clock can overflow.
            let milliseconds = newValue.flatMap(UInt64.init).flatMap {
                $0 <= WireLimits.longestTime.wholeMilliseconds ? Int64($0) : nil
            }
            self.expiration = milliseconds.map { .milliseconds($0) }
            if self.expirationText != newValue { self.irregularExpiration = newValue }
        }
    }
}
