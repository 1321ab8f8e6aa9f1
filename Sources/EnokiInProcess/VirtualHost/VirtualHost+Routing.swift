import EnokiBroker

extension VirtualHost {
    /// The queues that a message goes to, each once, in a fixed order.
    ///
    /// - Parameter exchange: Where it was published; `nil` is the default exchange.
    func route(_ message: PublishedMessage, from exchange: ExchangeRecord?) -> [QueueRecord] {
        guard let exchange else { return self.routeDirectly(message) }
        var destinations: [Destination] = []
        var visited: Set<ExchangeID> = [exchange.id]
        var pending = [exchange]
        while let exchange = pending.popLast() {
            let before = destinations.count
            exchange.collect(into: &destinations, for: message)
            if destinations.count == before, let alternate = exchange.alternateExchange.flatMap(self.exchange(named:)) {
                destinations.append(.exchange(alternate.id))
            }
            for case .exchange(let next) in destinations[before...] where visited.insert(next).inserted {
                if let record = self.exchanges[next] { pending.append(record) }
            }
        }
        var queues: [QueueID] = []
        for case .queue(let queue) in destinations { queues.append(queue) }
        if queues.count > 1 { queues = Set(queues).sorted() }
        return queues.compactMap { self.queues[$0] }
    }

    /// As the default exchange does: to the queues of these names, and to the consumers of direct replies.
    private func routeDirectly(_ message: PublishedMessage) -> [QueueRecord] {
        self.namesByDefault(message).compactMap { self.queue(named: $0) }
    }

    /// The names, each once, of the queues that the default exchange routes to; they need not exist. Direct replies are
    /// delivered on the way.
    func namesByDefault(_ message: PublishedMessage) -> [String] {
        var names: [String] = []
        for key in message.routingKeys {
            if ReplyConsumer.isAddress(key) { self.deliverReply(message, to: key) } else { names.append(key) }
        }
        return names
    }

    private func deliverReply(_ message: PublishedMessage, to address: String) {
        guard
            let channel = self.replyConsumers[ByteName(address)], let consumer = channel.replyConsumer,
            // No queue keeps replies for who does not read them.
            channel.unsentCount.map({ $0 < ChannelRecord.unsentReplyLimit }) ?? true
        else { return }
        channel.unsentCount? += 1
        let delivery = BasicDeliver(
            consumerTag: consumer.tag,
            deliveryTag: channel.nextTag,
            redelivered: false,
            exchange: message.exchange,
            routingKey: message.routingKey,
            message: message.message
        )
        self.effects.events.append((channel.id, .deliver(delivery)))
    }
}
