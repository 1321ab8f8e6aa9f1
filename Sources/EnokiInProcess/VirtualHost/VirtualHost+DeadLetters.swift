import DequeModule
import EnokiBroker

extension VirtualHost {
    /// How many dead letters may follow from others with one input; one with many headers counts as several.
    private static let deadLetterLimit = 10_000
    /// How many may follow from each, where so many come at once, or have so many headers, that it is more.
    private static let hopLimit = 16

    /// The one place where messages leave a queue without being acknowledged.
    func deadLetter(_ message: PublishedMessage, from queue: QueueRecord, because reason: DeadLetter.Reason) {
        guard let exchange = queue.arguments.deadLetterExchange else { return }
        self.pendingDeadLetters.append(
            DeadLetter(
                message: message,
                queue: queue.name,
                reason: reason,
                exchange: exchange,
                routingKey: queue.arguments.deadLetterRoutingKey
            )
        )
    }

    /// Publishes the dead letters so far, and those that they cause.
    ///
    /// As in RabbitMQ it is done at most once: what finds no exchange, no queue or a full one is lost, and so is what would
    /// go round in circles.
    ///
    /// RabbitMQ does not see all circles: with a `rejected` among the deaths that a message comes with, two empty queues
    /// without room pass it to each other for ever, there. Here the chain ends, and what is left of it is dropped.
    func publishDeadLetters() {
        if self.pendingDeadLetters.isEmpty { return }
        var (first, work) = (self.pendingDeadLetters.count, 0)
        let limit = max(Self.deadLetterLimit, Self.hopLimit * self.pendingDeadLetters.reduce(0) { $0 + $1.work })
        while let letter = self.pendingDeadLetters.popFirst() {
            if first > 0 { first -= 1 } else { work += letter.work }
            guard work <= limit else { return self.pendingDeadLetters.removeAll() }
            let (time, overflow) = self.epoch.addingReportingOverflow(UInt64(max(0, self.now.components.seconds)))
            guard let published = letter.published(at: overflow ? self.epoch : time) else { continue }
            let queues = self.destinations(of: letter, published)
            _ = self.deliver(published, to: queues)
            self.deadLettered.append(
                BrokerSnapshot.DeadLetter(
                    message: published.message,
                    queue: letter.queue,
                    reason: letter.reason.rawValue,
                    exchange: letter.exchange,
                    routingKey: published.routingKey,
                    destinations: queues.map(\.name)
                ),
                byteCount: published.message.weight
            )
        }
    }

    private func destinations(of letter: DeadLetter, _ published: PublishedMessage) -> [QueueRecord] {
        let exchange = letter.exchange.isEmpty ? nil : self.exchange(named: letter.exchange)
        guard letter.exchange.isEmpty || exchange != nil else { return [] }
        let queues = self.route(published, from: exchange)
        guard letter.reason != .rejected, !queues.isEmpty else { return queues }
        let circle = letter.circle(of: published)
        return queues.filter { !circle.contains(ByteName($0.name)) }
    }
}
