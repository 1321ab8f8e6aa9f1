import EnokiBroker

extension VirtualHost {
    /// What a restart of RabbitMQ leaves: durable exchanges and queues with the bindings between them, and the persistent
    /// messages in those queues. All connections are gone, and what they had not settled is back at its place.
    ///
    /// Gone are exclusive queues, and auto-delete queues that had a consumer.
    func restart() {
        let reason = AMQPException(
            .connectionForced,
            "broker forced connection closure with reason 'shutdown'"
        )
        self.close(self.connections.keys.sorted(), because: reason)
        // Nobody is there to get what the closing set free; a dead letter that was on its way still arrives.
        self.publishDeadLetters()
        for queue in self.queues.values.sorted(by: { $0.id < $1.id }) {
            guard queue.declaration.durable, queue.owner == nil else {
                self.remove(queue)
                continue
            }
            queue.ready.keepPersistent()
            queue.unusedSince = self.now
        }
        for exchange in self.exchanges.values.sorted(by: { $0.id < $1.id }) where !exchange.declaration.durable {
            self.remove(exchange)
        }
        // What comes to the head of a queue because others are gone expires in its turn.
        for queue in self.queues.values.sorted(by: { $0.id < $1.id }) { self.deliver(from: queue) }
    }
}
