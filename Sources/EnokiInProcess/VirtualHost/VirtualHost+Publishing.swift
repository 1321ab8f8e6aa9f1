import EnokiBroker

extension VirtualHost {
    /// The exchange that a client publishes to; `nil` is the default exchange.
    func requireExchange(toPublishTo name: String) throws(AMQPException) -> ExchangeRecord? {
        let exchange = name.isEmpty ? nil : try self.requireExchange(name)
        guard exchange?.declaration.isInternal != true else {
            throw AMQPException(.accessRefused, "cannot publish to internal \(self.text(exchange: name))")
        }
        return exchange
    }

    /// `basic.publish`. On a channel that confirms, its confirm is among the effects, behind its return where there is one.
    ///
    /// - Returns: The number of the publish, where the channel confirms.
    func publish(
        _ message: Message,
        exchange name: String,
        routingKey: String,
        mandatory: Bool,
        on channel: ChannelRecord
    ) throws(AMQPException) -> UInt64? {
        let exchange = try self.requireExchange(toPublishTo: name)
        var message = message
        if message.properties.replyTo?.hasSameBytes(as: ReplyConsumer.pseudoQueue) == true {
            guard let consumer = channel.replyConsumer else {
                throw AMQPException(.preconditionFailed, "fast reply consumer does not exist")
            }
            message.properties.replyTo = consumer.address
        }
        if let user = message.properties.userID, !user.hasSameBytes(as: channel.connection.user) {
            throw AMQPException(
                .preconditionFailed,
                "user_id property set to '\(user)' but authenticated user was '\(channel.connection.user)'"
            )
        }
        try message.properties.checkValues()
        let published = PublishedMessage(
            message.withoutBCC,
            exchange: name,
            routingKeys: [routingKey] + (try message.copies)
        )
        if channel.transaction != nil {
            let names = exchange.map { self.route(published, from: $0).map(\.name) } ?? self.namesByDefault(published)
            channel.transaction?.publishes.append(
                Transaction.Publish(message: published, mandatory: mandatory, queues: names)
            )
            return nil
        }
        let queues = self.route(published, from: exchange)
        channel.publishCount? += 1
        let sequence = channel.publishCount
        if queues.isEmpty { self.noteUnroutable(published, mandatory: mandatory, sequence: sequence, on: channel) }
        let isTaken = self.deliver(published, to: queues)
        if let sequence {
            let confirm: ChannelEvent =
                isTaken ? .acked(sequence, multiple: false) : .nacked(sequence, multiple: false)
            self.effects.events.append((channel.id, confirm))
        }
        return sequence
    }

    /// Puts a message into `queues`.
    ///
    /// - Returns: Whether all of them took it.
    func deliver(_ message: PublishedMessage, to queues: [QueueRecord]) -> Bool {
        var isTaken = true
        for queue in queues where !queue.isDeleted {
            if !self.enqueue(message, in: queue) { isTaken = false }
        }
        return isTaken
    }

    /// Remembers a message that no queue gets, and returns it where it is mandatory.
    func noteUnroutable(
        _ published: PublishedMessage,
        mandatory: Bool,
        sequence: UInt64?,
        on channel: ChannelRecord
    ) {
        // A direct reply goes to no queue and yet arrives.
        let isReply = published.exchange.isEmpty && self.replyConsumers[ByteName(published.routingKey)] != nil
        if !isReply {
            self.unroutable.append(
                BrokerSnapshot.Unroutable(
                    message: published.message,
                    exchange: published.exchange,
                    routingKey: published.routingKey,
                    returned: mandatory
                ),
                byteCount: published.message.weight
            )
        }
        guard mandatory else { return }
        let returned = BasicReturn(
            code: .noRoute,
            text: ReplyCode.noRoute.name,
            exchange: published.exchange,
            routingKey: published.routingKey,
            message: published.message,
            sequence: sequence
        )
        self.effects.events.append((channel.id, .returned(returned)))
    }
}

extension Message {
    /// The routing keys of the `CC` and `BCC` headers (<https://www.rabbitmq.com/sender-selected.html>).
    fileprivate var copies: [String] {
        get throws(AMQPException) {
            var keys: [String] = []
            for name in ["CC", "BCC"] {
                guard let header = self.properties.headers[name] else { continue }
                guard let values = header.arrayValue else {
                    throw AMQPException(
                        .preconditionFailed,
                        "invalid message: {unacceptable_type_in_header,\"\(name)\",\(header.erlangType)}"
                    )
                }
                keys += values.compactMap(\.stringValue)
            }
            return keys
        }
    }

    fileprivate var withoutBCC: Message {
        guard self.properties.headers["BCC"] != nil else { return self }
        var message = self
        message.properties.headers["BCC"] = nil
        return message
    }
}
