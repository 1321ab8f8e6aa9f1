/// Where a reply goes: the routing key that a request names in its `reply_to`.
///
/// It is one word. Replies go through the exchange of the requests, and a service's queue is bound there by `<service>.*`,
/// so that no reply can become a request to a service, whatever a stranger asks for. RabbitMQ's addresses of direct replies
/// (`amq.rabbitmq.reply-to.…`) are refused with it: a forged one makes RabbitMQ end the connection of who replies to it
/// (541 `INTERNAL_ERROR`).
struct ReplyAddress: Sendable, Hashable {
    /// The routing key of the reply.
    let routingKey: String

    /// The address that `replyTo` is; `nil` for text that is none.
    init?(_ replyTo: String) {
        guard !replyTo.isEmpty, replyTo.utf8.count <= WireLimits.shortString, !replyTo.hasControlCharacters,
            !replyTo.utf8.contains(UInt8(ascii: "."))
        else { return nil }
        self.routingKey = replyTo
    }

    /// The address in `request`; `nil` when it wants no reply.
    ///
    /// - Throws: ``UnreadableMessage`` for one that is none: the request is not served.
    init?(of request: Message) throws(UnreadableMessage) {
        guard let replyTo = request.properties.replyTo, !replyTo.isEmpty else { return nil }
        guard let address = ReplyAddress(replyTo) else {
            let found = replyTo.prefix(100)
            throw UnreadableMessage(.malformed, "reply_to must be one word, such as a UUID, found '\(found)'")
        }
        self = address
    }
}
