public import EnokiBroker

/// What a broker sends on a channel without being asked.
public enum AMQPEvent: Sendable {
    /// `basic.deliver`.
    case deliver(AMQPDelivery)
    /// `basic.return`: a mandatory message reached no queue.
    case returned(AMQPReturn)
    /// `basic.ack` of a publisher: the broker has taken responsibility.
    case acked(UInt64, multiple: Bool)
    /// `basic.nack` of a publisher: the broker has refused.
    case nacked(UInt64, multiple: Bool)
    /// `basic.cancel`: the broker has ended a consumer.
    case cancelled(consumerTag: String)
    /// `channel.close` or `connection.close`.
    case closed(AMQPClosure)
}

extension AMQPEvent: CustomStringConvertible {
    /// The event as it stands in a trace.
    public var description: String {
        switch self {
        case .deliver(let delivery): "\(delivery)"
        case .returned(let value): "\(value)"
        case .acked(let tag, let multiple): "acked \(multiple ? "up to " : "")\(tag)"
        case .nacked(let tag, let multiple): "nacked \(multiple ? "up to " : "")\(tag)"
        case .cancelled(let tag): "cancelled \(tag)"
        case .closed(let closure): "closed: \(closure)"
        }
    }
}

/// A message that came back.
public struct AMQPReturn: Sendable, CustomStringConvertible {
    /// The reply code, 312 where there was no route.
    public var code: Int
    /// The reply text, `NO_ROUTE`.
    public var text: String
    /// The exchange it was published to.
    public var exchange: String
    /// The routing key it was published with.
    public var routingKey: String
    /// The message.
    public var message: Message

    /// A return.
    public init(code: Int, text: String, exchange: String, routingKey: String, message: Message) {
        self.code = code
        self.text = text
        self.exchange = exchange
        self.routingKey = routingKey
        self.message = message
    }

    /// The return as it stands in a trace.
    public var description: String {
        let source = "from \(self.exchange.quotedIfNeeded) by \(self.routingKey.quotedIfNeeded)"
        return "returned \(TraceText.of(self.message)) \(source): \(self.code) \(self.text)"
    }
}

/// Why a broker closed a channel or a connection.
public struct AMQPClosure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was closed.
    public enum Level: Sendable, Hashable {
        case channel, connection
    }

    /// What was closed.
    public var level: Level
    /// The reply code, such as 404.
    public var code: Int
    /// The reply text, such as `NOT_FOUND - no queue 'q' in vhost '/'`.
    public var text: String
    /// The class of the method that was to blame, 0 where none was.
    public var classID: Int
    /// That method.
    public var methodID: Int

    /// A closure.
    public init(_ level: Level, code: Int, text: String, classID: Int, methodID: Int) {
        self.level = level
        self.code = code
        self.text = text
        self.classID = classID
        self.methodID = methodID
    }

    /// Level, code and text: `channel 404 NOT_FOUND - no queue 'q' in vhost '/'`.
    public var summary: String { "\(self.level) \(self.code) \(self.text)" }

    /// The summary and the method: `channel 404 NOT_FOUND - … (50.10)`.
    public var description: String { "\(self.summary) (\(self.classID).\(self.methodID))" }
}
