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
    /// About how many bytes it takes on the wire; for back-pressure.
    let estimatedSize: Int

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
        let headers = try WireLimits.check(message, to: exchange, routingKey: routingKey, bodySize: maxBodySize)
        self.message = message
        self.exchange = exchange
        self.routingKey = routingKey
        self.mandatory = mandatory
        self.deadline = deadline
        self.complete = complete
        self.estimatedSize = message.body.count + headers + 256
    }
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
