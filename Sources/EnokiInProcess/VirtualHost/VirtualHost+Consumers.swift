import EnokiBroker

extension VirtualHost {
    /// `basic.consume`.
    ///
    /// - Returns: The consumer's tag.
    func consume(_ request: ConsumeRequest, on channel: ChannelRecord) throws(AMQPException) -> String {
        guard channel.consumers[ByteName(request.consumerTag)] == nil else {
            throw AMQPException(.notAllowed, "attempt to reuse consumer tag '\(request.consumerTag)'")
        }
        let tag = request.consumerTag.isEmpty ? self.generatedTag(on: channel) : request.consumerTag
        if request.queue.hasSameBytes(as: ReplyConsumer.pseudoQueue) {
            try self.consumeReplies(tag: tag, noAck: request.noAck, on: channel)
            return tag
        }
        let queue = try self.requireQueue(self.resolve(queue: request.queue, on: channel), on: channel)
        let priority = try self.priority(of: request, to: queue)
        try self.checkExclusiveUse(of: queue, by: request)
        let consumer = ConsumerRecord(
            id: ConsumerID(number: self.nextNumber()),
            tag: tag,
            channel: channel,
            queue: queue,
            noAck: request.noAck,
            exclusive: request.exclusive,
            priority: priority,
            prefetch: channel.consumerPrefetch
        )
        channel.consumers[ByteName(tag)] = consumer
        queue.consumers[consumer.id] = consumer
        queue.hasHadConsumers = true
        queue.ring.append(consumer)
        if request.exclusive || (queue.arguments.singleActiveConsumer && queue.activeConsumer == nil) {
            queue.activeConsumer = consumer
        }
        self.deliver(from: queue)
        return tag
    }

    /// `basic.cancel`: the consumer gets nothing more, what it got can still be settled. A tag that does not exist is no
    /// error.
    func cancel(_ tag: String, on channel: ChannelRecord) {
        if let reply = channel.replyConsumer, reply.tag.hasSameBytes(as: tag) {
            channel.replyConsumer = nil
            self.replyConsumers[ByteName(reply.address)] = nil
            return
        }
        guard let consumer = channel.consumers.removeValue(forKey: ByteName(tag)) else { return }
        channel.release(consumer)
        self.detach(consumer)
        self.noteUnused(consumer.queue)
        self.deliver(from: consumer.queue)
    }

    /// Cancels all consumers of a queue, and tells them.
    func cancelConsumers(ofQueue name: String) {
        guard let queue = self.queue(named: name) else { return }
        for consumer in queue.consumers.values.sorted(by: { $0.id < $1.id }) { self.cancelByBroker(consumer) }
    }

    /// Cancels a consumer, and tells it.
    func cancelByBroker(_ consumer: ConsumerRecord) {
        self.cancel(consumer.tag, on: consumer.channel)
        self.effects.events.append((consumer.channel.id, .cancelled(consumerTag: consumer.tag)))
    }

    /// Takes a consumer from its queue. Where it was the active one, another takes over.
    func detach(_ consumer: ConsumerRecord) {
        let queue = consumer.queue
        guard queue.consumers.removeValue(forKey: consumer.id) != nil else { return }
        queue.ring.remove(consumer)
        guard queue.activeConsumer === consumer else { return }
        queue.activeConsumer = queue.arguments.singleActiveConsumer ? queue.ring.first ?? queue.firstConsumer : nil
    }

    /// A queue may have lost its last consumer: then it goes, or its time of being unused begins.
    func noteUnused(_ queue: QueueRecord) {
        guard queue.consumers.isEmpty, queue.hasHadConsumers, !queue.isDeleted else { return }
        if queue.declaration.autoDelete { return self.remove(queue) }
        queue.unusedSince = self.now
        self.scheduleWake(for: queue)
    }

    /// A tag that no consumer of the channel has: a client may have picked one that looks generated.
    private func generatedTag(on channel: ChannelRecord) -> String {
        var tag: String
        repeat { tag = "amq.ctag-\(self.generatedName())" } while channel.consumers[ByteName(tag)] != nil
        return tag
    }

    private func checkExclusiveUse(of queue: QueueRecord, by request: ConsumeRequest) throws(AMQPException) {
        let isRefused =
            if queue.arguments.singleActiveConsumer {
                request.exclusive
            } else {
                queue.activeConsumer != nil || (request.exclusive && !queue.consumers.isEmpty)
            }
        if isRefused { throw .inExclusiveUse(queue.name, in: self) }
    }

    private func priority(of request: ConsumeRequest, to queue: QueueRecord) throws(AMQPException) -> Int64 {
        guard let value = request.arguments["x-priority"] else { return 0 }
        guard let priority = value.integerValue else {
            throw AMQPException(
                .preconditionFailed,
                "invalid arg 'x-priority' for \(self.text(queue: queue.name)): "
                    + "\"expected integer, got \(value.erlangType)\""
            )
        }
        return priority
    }

    private func consumeReplies(tag: String, noAck: Bool, on channel: ChannelRecord) throws(AMQPException) {
        guard noAck else { throw AMQPException(.preconditionFailed, "reply consumer cannot acknowledge") }
        guard channel.replyConsumer == nil else {
            throw AMQPException(.preconditionFailed, "reply consumer already set")
        }
        let address = "\(ReplyConsumer.pseudoQueue).\(self.generatedName()).\(self.generatedName())"
        channel.replyConsumer = ReplyConsumer(tag: tag, address: address)
        self.replyConsumers[ByteName(address)] = channel
    }
}

extension QueueRecord {
    /// The consumer that has waited longest, of those of the highest priority.
    fileprivate var firstConsumer: ConsumerRecord? {
        self.consumers.values.min { ($1.priority, $0.id) < ($0.priority, $1.id) }
    }
}
