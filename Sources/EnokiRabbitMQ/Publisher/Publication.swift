import CRabbitMQ
import EnokiBroker

/// A message that was checked and can be encoded, with its way and with who waits for its outcome.
final class Publication: Sendable {
    let message: Message
    let exchange: String
    let routingKey: String
    let mandatory: Bool
    let deadline: ContinuousClock.Instant
    /// Told once, by whoever takes it out of the ring or the queue that it is in.
    let complete: @Sendable (Result<Void, BrokerError>) -> Void

    /// - Throws: ``BrokerError/Code/invalidArgument`` when the protocol, or `maxBodySize`, forbids a part of it.
    init(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        mandatory: Bool,
        deadline: ContinuousClock.Instant,
        maxBodySize: Int,
        complete: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) throws(BrokerError) {
        try WireLimits.check("name of the exchange", exchange)
        try WireLimits.check("routing key", routingKey)
        guard message.body.count <= maxBodySize else {
            throw BrokerError(
                .invalidArgument,
                "the body is \(message.body.count) bytes long, at most \(maxBodySize) are allowed (maxBodySize)"
            )
        }
        try Self.check(message.properties)
        self.message = message
        self.exchange = exchange
        self.routingKey = routingKey
        self.mandatory = mandatory
        self.deadline = deadline
        self.complete = complete
    }

    private static func check(_ properties: BasicProperties) throws(BrokerError) {
        if let value = properties.contentType { try WireLimits.check("content type", value) }
        if let value = properties.contentEncoding { try WireLimits.check("content encoding", value) }
        if let value = properties.correlationID { try WireLimits.check("correlation id", value) }
        if let value = properties.replyTo { try WireLimits.check("reply-to", value) }
        if let value = properties.messageID { try WireLimits.check("message id", value) }
        if let value = properties.type { try WireLimits.check("type", value) }
        if let value = properties.userID { try WireLimits.check("user id", value) }
        if let value = properties.appID { try WireLimits.check("app id", value) }
        if let value = properties.clusterID { try WireLimits.check("cluster id", value) }
        if let value = properties.expiration {
            guard value >= .zero, value <= WireLimits.longestExpiration else {
                throw BrokerError(
                    .invalidArgument,
                    "the expiration is \(value), allowed is from 0 to \(WireLimits.longestExpiration)"
                )
            }
        }
        // The header frame also holds the other properties: at most eight short strings and a few integers.
        try WireLimits.check("headers", properties.headers, limit: WireLimits.frameMax - 12 * 256)
    }

    /// About how many bytes it takes on the wire; for back-pressure.
    var estimatedSize: Int { self.message.body.count + 256 }
}

extension OutputBuffer {
    /// Appends `basic.publish` with header and body.
    func append(
        _ publication: Publication,
        channel: UInt16,
        arena: EncodingArena
    ) throws(EncodingFailure) {
        arena.reset()
        var publish = amqp_basic_publish_t()
        publish.exchange = arena.bytes(publication.exchange)
        publish.routing_key = arena.bytes(publication.routingKey)
        publish.mandatory = publication.mandatory ? 1 : 0
        let before = self.count
        do throws(EncodingFailure) {
            try self.appendMethod(AMQP_BASIC_PUBLISH_METHOD, publish, channel: channel)
            try self.appendHeader(
                arena.properties(publication.message.properties),
                bodySize: publication.message.body.count,
                channel: channel
            )
        } catch {
            self.rollBack(to: before)
            throw error
        }
        self.appendBody(publication.message.body, channel: channel)
    }
}
