import DequeModule
import EnokiBroker

extension VirtualHost {
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
    func publishDeadLetters() {
        while let letter = self.pendingDeadLetters.popFirst() {
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
                )
            )
        }
    }

    private func destinations(of letter: DeadLetter, _ published: PublishedMessage) -> [QueueRecord] {
        let exchange = letter.exchange.isEmpty ? nil : self.exchange(named: letter.exchange)
        guard letter.exchange.isEmpty || exchange != nil else { return [] }
        let queues = self.route(published, from: exchange)
        return letter.reason == .rejected ? queues : queues.filter { !letter.isCycle(of: published, to: $0.name) }
    }
}
