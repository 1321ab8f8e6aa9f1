import DequeModule
import EnokiBroker

extension VirtualHost {
    /// Why a message left a queue without being acknowledged.
    enum Discard: Sendable {
        case expired
        case rejected
    }

    /// `basic.publish`: puts the message into the queues that it is routed to.
    mutating func publish(_ published: PublishedMessage, mandatory: Bool) throws(BrokerError) {
        let queues = try self.route(published)
        for queue in queues { self.enqueue(published, in: queue) }
        guard queues.isEmpty else { return }
        self.noteUnroutable(published, returned: mandatory)
        if mandatory { throw .noRoute(exchange: published.exchange, routingKey: published.routingKey) }
    }

    /// Hands out messages for as long as there are messages and consumers that can take one.
    mutating func deliver(from id: QueueID) {
        self.dropExpired(in: id)
        while let consumer = self.queues[id]?.ring.first, let message = self.queues[id]?.ready.popFirst() {
            self.hand(message, to: consumer, from: id)
            self.dropExpired(in: id)
        }
        self.scheduleWake(for: id)
    }

    /// Drops what has expired at the head of a queue; what has expired behind it waits until it is the head.
    mutating func dropExpired(in id: QueueID) {
        while let expiry = self.queues[id]?.ready.first?.expiry, expiry <= self.now {
            if let message = self.queues[id]?.ready.popFirst() { self.discard(message, from: id, .expired) }
        }
    }

    /// The one place where messages leave a queue without being acknowledged.
    mutating func discard(_ message: QueuedMessage, from id: QueueID, _ reason: Discard) {}

    private mutating func enqueue(_ published: PublishedMessage, in id: QueueID) {
        guard let position = self.queues[id]?.takePosition() else { return }
        let expiry = self.expiry(of: published, in: id)
        let message = QueuedMessage(published: published, position: position, expiry: expiry)
        // A consumer that waits means that nothing else does. It gets the message even when its time to live is zero.
        if let consumer = self.queues[id]?.ring.first {
            self.hand(message, to: consumer, from: id)
        } else {
            self.queues[id]?.ready.append(message)
            self.dropExpired(in: id)
            self.scheduleWake(for: id)
        }
    }

    private func expiry(of published: PublishedMessage, in id: QueueID) -> Duration? {
        let limits = [published.message.properties.expiration, self.queues[id]?.arguments.messageTTL]
        return limits.compactMap(\.self).min().map { self.now + $0 }
    }

    /// Gives `message` to the consumer whose turn it is.
    private mutating func hand(_ message: QueuedMessage, to consumer: ConsumerID, from id: QueueID) {
        _ = self.queues[id]?.ring.popFirst()
        let tag = self.nextNumber()
        self.consumers[consumer]?.isInRing = false
        if self.consumers[consumer]?.options.automaticAcknowledgement == false {
            self.consumers[consumer]?.unsettled[tag] = message
        }
        self.effects.handovers.append(Effects.Handover(consumer: consumer, tag: tag, message: message))
        self.enterRing(consumer)
    }
}

extension VirtualHost {
    /// The queues that a message goes to, each once, in a fixed order.
    private func route(_ message: PublishedMessage) throws(BrokerError) -> [QueueID] {
        if message.exchange.isEmpty {
            return self.queueIDs[ByteName(message.routingKey)].map { [$0] } ?? []
        }
        let source = try self.requireExchange(message.exchange)
        guard self.exchanges[source]?.declaration.isInternal == false else {
            throw BrokerError(
                .accessRefused,
                "ACCESS_REFUSED - cannot publish to internal \(AMQPText.exchange(message.exchange)). "
                    + "Publish to an exchange that is bound to it."
            )
        }
        var destinations: [Destination] = []
        var visited: Set<ExchangeID> = [source]
        var pending = [source]
        while let exchange = pending.popLast() {
            let before = destinations.count
            self.exchanges[exchange]?.collect(
                into: &destinations,
                routingKey: message.routingKey,
                headers: message.message.properties.headers
            )
            if destinations.count == before, let alternate = self.alternate(of: exchange) {
                destinations.append(.exchange(alternate))
            }
            for case .exchange(let next) in destinations[before...] where visited.insert(next).inserted {
                pending.append(next)
            }
        }
        var queues: [QueueID] = []
        for case .queue(let queue) in destinations { queues.append(queue) }
        guard queues.count > 1 else { return queues }
        return Set(queues).sorted()
    }

    private mutating func noteUnroutable(_ published: PublishedMessage, returned: Bool) {
        if self.unroutable.count == 1000 { self.unroutable.removeFirst() }
        self.unroutable.append(
            BrokerSnapshot.Unroutable(
                message: published.message,
                exchange: published.exchange,
                routingKey: published.routingKey,
                returned: returned
            )
        )
    }

    private func alternate(of exchange: ExchangeID) -> ExchangeID? {
        self.exchanges[exchange]?.alternateExchange.flatMap { self.exchangeIDs[ByteName($0)] }
    }
}
