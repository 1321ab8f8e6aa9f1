import EnokiBroker

extension VirtualHost {
    func openChannel(on connection: ConnectionRecord, isPaced: Bool = false) -> ChannelID {
        let channel = ChannelRecord(id: ChannelID(number: self.nextNumber()), connection: connection)
        if isPaced { channel.unsentCount = 0 }
        connection.channels[channel.id] = channel
        self.channels[channel.id] = channel
        return channel.id
    }

    /// Closes a channel: its consumers are gone, what it has not settled goes back to its queues in order, marked as
    /// redelivered, and what it has not committed was never published.
    func close(_ channel: ChannelRecord) { self.close([channel]) }

    /// Closes channels together: what comes back from one goes to no other of them.
    func close(_ channels: [ChannelRecord]) {
        let channels = channels.filter { self.channels.removeValue(forKey: $0.id) != nil }
        let consumers = channels.flatMap { self.takeConsumers(of: $0) }
        for consumer in consumers { self.detach(consumer) }
        for consumer in consumers { self.noteUnused(consumer.queue) }
        // A queue learns of all that comes back before it delivers any of it again.
        let unsettled = channels.flatMap { $0.takeAll() }
        let queues = self.release(unsettled)
        self.putBack(unsettled)
        for queue in queues { self.deliver(from: queue) }
        for consumer in consumers { self.deliver(from: consumer.queue) }
    }

    /// Takes a channel that closes from its connection, and its consumers from it. What it has not committed is undone.
    private func takeConsumers(of channel: ChannelRecord) -> [ConsumerRecord] {
        channel.connection.channels.removeValue(forKey: channel.id)
        if let reply = channel.replyConsumer { self.replyConsumers[ByteName(reply.address)] = nil }
        for (deliveries, _) in channel.transaction?.settlements ?? [] { channel.putBack(deliveries) }
        channel.transaction = nil
        defer {
            channel.consumers = [:]
            channel.blocked = ConsumerLine()
        }
        return channel.consumers.values.sorted { $0.id < $1.id }
    }

    /// `basic.qos`. As on the wire a count has 16 bits: one that does not fit is the nearest that does.
    func qos(prefetch: Int, global: Bool, on channel: ChannelRecord) {
        let prefetch = Int(UInt16(clamping: prefetch))
        if global {
            channel.limit(to: prefetch == 0 ? nil : prefetch)
        } else {
            // RabbitMQ takes the limit of the channel away when it is told one for its consumers.
            channel.limit(to: nil)
            channel.consumerPrefetch = prefetch
        }
        self.unblock(channel)
    }

    /// Deliveries of a paced channel have gone out.
    func noteSent(_ count: Int, on channel: ChannelRecord) {
        channel.unsentCount? -= count
        self.unblock(channel)
    }

    /// `confirm.select`.
    func selectConfirms(on channel: ChannelRecord) throws(AMQPException) {
        guard channel.transaction == nil else {
            throw AMQPException(.preconditionFailed, "cannot switch from tx to confirm mode")
        }
        channel.publishCount = channel.publishCount ?? 0
    }

    /// `tx.select`.
    func selectTransactions(on channel: ChannelRecord) throws(AMQPException) {
        guard channel.publishCount == nil else {
            throw AMQPException(.preconditionFailed, "cannot switch from confirm to tx mode")
        }
        channel.transaction = channel.transaction ?? Transaction()
    }

    /// `tx.commit`: publishes and settles what was done since the last one.
    ///
    /// - Throws: `406` when a queue refused a message; the others have been published.
    func commit(on channel: ChannelRecord) throws(AMQPException) {
        guard let transaction = channel.transaction else { throw .notTransactional }
        channel.transaction = Transaction()
        var isRejected = false
        for publish in transaction.publishes {
            let queues = publish.queues.compactMap { self.queue(named: $0) }
            if !self.deliver(publish.message, to: queues) { isRejected = true }
            if queues.isEmpty {
                self.noteUnroutable(publish.message, mandatory: publish.mandatory, sequence: nil, on: channel)
            }
        }
        for (deliveries, answer) in transaction.settlements { self.settle(deliveries, as: answer, on: channel) }
        if isRejected { throw AMQPException(.preconditionFailed, "partial tx completion") }
    }

    /// `tx.rollback`: forgets what was published, and what was settled is unsettled again.
    func rollBack(on channel: ChannelRecord) throws(AMQPException) {
        guard let transaction = channel.transaction else { throw .notTransactional }
        channel.transaction = Transaction()
        for (deliveries, _) in transaction.settlements { channel.putBack(deliveries) }
    }
}

extension AMQPException {
    fileprivate static var notTransactional: Self {
        AMQPException(.preconditionFailed, "channel is not transactional")
    }
}
