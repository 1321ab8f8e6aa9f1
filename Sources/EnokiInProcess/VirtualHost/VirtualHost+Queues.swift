import EnokiBroker

extension VirtualHost {
    /// `queue.declare`; an empty name asks for one of the broker's choice.
    func declare(_ queue: Queue, on channel: ChannelRecord) throws(AMQPException) -> QueueStatus {
        if let status = try self.status(ofReplies: queue.name) { return status }
        var queue = queue
        queue.name = queue.name.withoutLineBreaks
        if queue.name.isEmpty {
            queue.name = "amq.gen-\(self.generatedName())"
        } else if queue.name.utf8.starts(with: "amq.".utf8) {
            // Even one that is there: RabbitMQ does not look.
            throw .reservedName(queue.name, of: "queue")
        }
        channel.lastQueue = queue.name
        if let current = self.queue(named: queue.name) {
            guard current.owner == (queue.exclusive ? channel.connection.id : nil) else {
                throw .locked(queue.name, in: self)
            }
            try Equivalence(part: self.text(queue: queue.name)).check(queue, against: current.declaration)
            return self.status(of: current)
        }
        if let exchange = queue.arguments["x-dead-letter-exchange"], exchange.stringValue == nil {
            throw AMQPException(
                .preconditionFailed,
                "invalid type '\(exchange.erlangType)' for arg 'x-dead-letter-exchange' in \(self.text(queue: queue.name))"
            )
        }
        let arguments = try QueueArguments(queue.arguments, of: self.text(queue: queue.name))
        let id = QueueID(number: self.nextNumber())
        let owner = queue.exclusive ? channel.connection : nil
        let record = QueueRecord(id: id, queue, arguments: arguments, owner: owner?.id, now: self.now)
        self.queueIDs[ByteName(queue.name)] = id
        self.queues[id] = record
        owner?.exclusiveQueues[id] = record
        self.scheduleWake(for: record)
        self.effects.declaredQueues.append(ByteName(queue.name))
        return QueueStatus(name: queue.name, messageCount: 0, consumerCount: 0)
    }

    /// `queue.declare` with `passive`: the state of a queue.
    func declarePassively(queue name: String, on channel: ChannelRecord) throws(AMQPException) -> QueueStatus {
        if let status = try self.status(ofReplies: name) { return status }
        let queue = try self.requireQueue(name.withoutLineBreaks, on: channel)
        channel.lastQueue = queue.name
        return self.status(of: queue)
    }

    /// What RabbitMQ says of the names for direct replies, which are no queues; `nil` for other names.
    private func status(ofReplies name: String) throws(AMQPException) -> QueueStatus? {
        guard name.utf8.starts(with: ReplyConsumer.pseudoQueue.utf8) else { return nil }
        guard name.hasSameBytes(as: ReplyConsumer.pseudoQueue) || self.replyConsumers[ByteName(name)] != nil else {
            throw .noQueue(name, in: self)
        }
        return QueueStatus(name: name, messageCount: 0, consumerCount: 1)
    }

    private func status(of queue: QueueRecord) -> QueueStatus {
        self.renewLease(of: queue)
        self.dropExpired(in: queue)
        return QueueStatus(name: queue.name, messageCount: queue.ready.count, consumerCount: queue.consumers.count)
    }

    /// `queue.purge`.
    func purge(queue name: String, on channel: ChannelRecord) throws(AMQPException) -> Int {
        let queue = try self.requireQueue(self.resolve(queue: name, on: channel), on: channel)
        self.dropExpired(in: queue)
        let count = queue.ready.count
        queue.ready = ReadyMessages()
        return count
    }

    /// `queue.delete`; one that does not exist is no error.
    ///
    /// - Returns: How many messages were ready in it.
    func delete(
        queue name: String,
        ifUnused: Bool,
        ifEmpty: Bool,
        on channel: ChannelRecord
    ) throws(AMQPException) -> Int {
        guard let queue = self.queue(named: try self.resolve(queue: name, on: channel)) else { return 0 }
        try self.checkAccess(to: queue, by: channel)
        self.dropExpired(in: queue)
        guard !ifEmpty || queue.ready.isEmpty else {
            throw AMQPException(.preconditionFailed, "\(self.text(queue: queue.name)) not empty")
        }
        guard !ifUnused || queue.consumers.isEmpty else {
            throw AMQPException(.preconditionFailed, "\(self.text(queue: queue.name)) in use")
        }
        let count = queue.ready.count
        self.remove(queue)
        return count
    }

    /// Looks after a queue at the instant that an earlier effect named.
    func wake(_ id: QueueID) {
        guard let queue = self.queues[id], let wake = queue.nextWake, wake <= self.now else { return }
        queue.nextWake = nil
        if let expiry = queue.expiry, expiry <= self.now {
            self.remove(queue)
        } else {
            self.deliver(from: queue)
        }
    }

    /// Deletes a queue with its messages; its consumers are told.
    func remove(_ queue: QueueRecord) {
        guard self.queues.removeValue(forKey: queue.id) != nil else { return }
        queue.isDeleted = true
        self.queueIDs[ByteName(queue.name)] = nil
        if let owner = queue.owner { self.connections[owner]?.exclusiveQueues.removeValue(forKey: queue.id) }
        if queue.nextWake != nil { self.effects.wakes.append(Effects.Wake(queue: queue.id, instant: nil)) }
        // RabbitMQ's channels keep the tags of a queue in their order.
        let consumers = queue.consumers.values.sorted { $0.tag.utf8.lexicographicallyPrecedes($1.tag.utf8) }
        for consumer in consumers {
            consumer.channel.consumers[ByteName(consumer.tag)] = nil
            consumer.channel.release(consumer)
            self.effects.events.append((consumer.channel.id, .cancelled(consumerTag: consumer.tag)))
        }
        queue.consumers = [:]
        queue.ring = ConsumerRing()
        queue.activeConsumer = nil
        queue.ready = ReadyMessages()
        self.remove(self.unbind(queue.bindings))
    }

    func queue(named name: String) -> QueueRecord? { self.queueIDs[ByteName(name)].flatMap { self.queues[$0] } }

    func requireQueue(_ name: String, on channel: ChannelRecord) throws(AMQPException) -> QueueRecord {
        guard let queue = self.queue(named: name) else { throw .noQueue(name, in: self) }
        try self.checkAccess(to: queue, by: channel)
        return queue
    }

    /// The name itself, or where it is empty that of the queue which the channel declared last.
    func resolve(queue name: String, on channel: ChannelRecord) throws(AMQPException) -> String {
        guard name.isEmpty else { return name }
        guard let last = channel.lastQueue else { throw .noPreviousQueue }
        return last
    }

    /// Refuses the exclusive queue of another connection.
    func checkAccess(to queue: QueueRecord, by channel: ChannelRecord) throws(AMQPException) {
        guard let owner = queue.owner, owner != channel.connection.id else { return }
        throw .locked(queue.name, in: self)
    }

    /// An unused queue that expires was used: its time begins again.
    func renewLease(of queue: QueueRecord) {
        if queue.expiry != nil { queue.unusedSince = self.now }
    }

    /// Asks to be woken when the queue, or the message at its head, expires.
    ///
    /// There is at most one wake-up on its way, so neither an idle queue nor one more message costs a timer.
    func scheduleWake(for queue: QueueRecord) {
        guard let instant = [queue.expiry, queue.ready.first?.expiry].compactMap(\.self).min() else { return }
        if let next = queue.nextWake, next <= instant { return }
        queue.nextWake = instant
        self.effects.wakes.append(Effects.Wake(queue: queue.id, instant: instant))
    }

    /// Part of a name that the broker gives, and gave never before.
    func generatedName() -> String {
        let digits = String(self.nextNumber(), radix: 36)
        return String(repeating: "0", count: max(0, 22 - digits.count)) + digits
    }
}
