import EnokiBroker

extension VirtualHost {
    /// Hands out messages for as long as there are messages and consumers that can take one.
    func deliver(from queue: QueueRecord) {
        guard !queue.isDeleted else { return }
        self.dropExpired(in: queue)
        while !queue.ready.isEmpty, let consumer = self.nextConsumer(of: queue), let message = queue.ready.popFirst() {
            self.hand(message, to: consumer)
            self.dropExpired(in: queue)
        }
        self.scheduleWake(for: queue)
    }

    /// Puts a message into a queue: into the hands of a consumer that waits, or behind the others.
    ///
    /// - Returns: Whether the queue took it; it refuses when it is full and was declared to.
    func enqueue(_ published: PublishedMessage, in queue: QueueRecord) -> Bool {
        if queue.arguments.overflow != .dropHead, queue.wouldOverflow(with: published) {
            if queue.arguments.overflow == .rejectPublishAndDeadLetter {
                self.deadLetter(published, from: queue, because: .tooLong)
            }
            return false
        }
        let message = queue.admit(published, now: self.now)
        // A consumer that waits gets the message even when its time to live or the length of the queue is zero.
        if queue.ready.isEmpty, let consumer = self.nextConsumer(of: queue) {
            self.hand(message, to: consumer)
            return true
        }
        queue.ready.append(message)
        self.dropExcess(of: queue)
        self.dropExpired(in: queue)
        self.scheduleWake(for: queue)
        return true
    }

    /// Drops what has expired at the head of a queue; what has expired behind it waits until it is the head.
    func dropExpired(in queue: QueueRecord) {
        while let expiry = queue.ready.first?.expiry, expiry <= self.now, let message = queue.ready.popFirst() {
            self.deadLetter(message.published, from: queue, because: .expired)
        }
    }

    /// Drops from the head of a queue what does not fit into it.
    func dropExcess(of queue: QueueRecord) {
        guard queue.arguments.overflow == .dropHead else { return }
        while queue.isTooLong, let message = queue.ready.popFirst() {
            self.deadLetter(message.published, from: queue, because: .tooLong)
        }
    }

    /// The consumer whose turn it is, of those that can take a message.
    ///
    /// As in RabbitMQ one that is found at its limit leaves the ring, and comes back behind the others when it has room.
    private func nextConsumer(of queue: QueueRecord) -> ConsumerRecord? {
        if queue.arguments.singleActiveConsumer {
            guard let active = queue.activeConsumer, !active.isBlocked else { return nil }
            if active.canTakeMore { return active }
            queue.ring.remove(active)
            self.block(active)
            return nil
        }
        while let consumer = queue.ring.first {
            if consumer.canTakeMore {
                queue.ring.rotate()
                return consumer
            }
            _ = queue.ring.popFirst()
            self.block(consumer)
        }
        return nil
    }

    private func hand(_ message: QueuedMessage, to consumer: ConsumerRecord) {
        let channel = consumer.channel
        let tag: DeliveryTag
        if consumer.noAck {
            tag = channel.takeTag()
        } else {
            consumer.unsettledCount += 1
            consumer.queue.unsettledCount += 1
            tag = channel.keep(ChannelRecord.Unsettled(message: message, queue: consumer.queue, consumer: consumer))
        }
        let published = message.published
        let delivery = BasicDeliver(
            consumerTag: consumer.tag,
            deliveryTag: tag,
            redelivered: message.redelivered,
            exchange: published.exchange,
            routingKey: published.routingKey,
            message: published.message
        )
        channel.unsentCount? += 1
        self.effects.events.append((channel.id, .deliver(delivery)))
    }

    /// `basic.get`.
    func get(_ name: String, noAck: Bool, on channel: ChannelRecord) throws(AMQPException) -> BasicGetOK? {
        let queue = try self.requireQueue(self.resolve(queue: name, on: channel), on: channel)
        self.renewLease(of: queue)
        self.dropExpired(in: queue)
        guard let message = queue.ready.popFirst() else { return nil }
        let tag: DeliveryTag
        if noAck {
            tag = channel.takeTag()
        } else {
            queue.unsettledCount += 1
            tag = channel.keep(ChannelRecord.Unsettled(message: message, queue: queue, consumer: nil))
        }
        self.dropExpired(in: queue)
        self.scheduleWake(for: queue)
        let published = message.published
        return BasicGetOK(
            deliveryTag: tag,
            redelivered: message.redelivered,
            exchange: published.exchange,
            routingKey: published.routingKey,
            messageCount: queue.ready.count,
            message: published.message
        )
    }

    /// Puts a message that is delivered into its queue once more, as one that may have been delivered before.
    func duplicate(_ tag: DeliveryTag, on channel: ChannelRecord) {
        guard let delivery = channel.delivery(tag), !delivery.queue.isDeleted else { return }
        var copy = delivery.queue.admit(delivery.message.published, now: self.now)
        copy.redelivered = true
        delivery.queue.ready.append(copy)
        self.deliver(from: delivery.queue)
    }

    private func block(_ consumer: ConsumerRecord) {
        consumer.isBlocked = true
        consumer.channel.blocked.append(consumer)
    }

    /// Lets the consumers of a channel that can take messages again into their queues' rings, and serves them.
    func unblock(_ channel: ChannelRecord) {
        guard !channel.blocked.isEmpty, !channel.isAtLimit else { return }
        let unblocked = channel.blocked.removeAll(where: \.hasRoom)
        self.admit(unblocked)
        var known: Set<QueueID> = []
        for consumer in unblocked where known.insert(consumer.queue.id).inserted { self.deliver(from: consumer.queue) }
    }

    /// Lets a consumer that has room by its own prefetch again into its queue's ring, behind the others; and so the others
    /// of its channel and queue that have. Where the channel has no room, they leave it again when it is their turn.
    ///
    /// - Returns: Whether there are any.
    func unblock(_ consumer: ConsumerRecord) -> Bool {
        let (queue, channel) = (consumer.queue, consumer.channel)
        // Only the limit of the channel keeps others out that have room of their own.
        guard channel.isAtLimit else {
            guard channel.release(consumer) else { return false }
            self.admit([consumer])
            return true
        }
        let unblocked = channel.blocked.removeAll { $0.queue === queue && $0.hasRoom }
        self.admit(unblocked)
        return !unblocked.isEmpty
    }

    private func admit(_ consumers: [ConsumerRecord]) {
        for consumer in consumers {
            consumer.isBlocked = false
            consumer.queue.ring.append(consumer)
        }
    }
}
