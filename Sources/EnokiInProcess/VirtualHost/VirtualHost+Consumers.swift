import EnokiBroker

extension VirtualHost {
    /// `basic.consume`.
    mutating func consume(
        _ name: String,
        options: ConsumerOptions,
        by connection: ConnectionID
    ) throws(BrokerError) -> ConsumerID {
        guard (1...Int(UInt16.max)).contains(options.prefetch) else {
            throw BrokerError(
                .invalidArgument,
                "The prefetch of a consumer is from 1 to \(UInt16.max); queue '\(name)' was to be consumed with "
                    + "\(options.prefetch)."
            )
        }
        let queue = try self.requireQueue(name, for: connection)
        try self.checkExclusiveUse(of: queue, by: options)
        let id = ConsumerID(number: self.nextNumber())
        self.consumers[id] = ConsumerRecord(connection: connection, options: options, queueName: name, queue: queue)
        self.connections[connection]?.consumers.insert(id)
        self.admit(id, to: queue)
        return id
    }

    /// The answer to a delivery; one to a delivery that is not there any more does nothing.
    mutating func settle(_ tag: DeliveryTag, of consumer: ConsumerID, with acknowledgement: Acknowledgement) {
        guard
            var message = self.consumers[consumer]?.unsettled.removeValue(forKey: tag),
            let queue = self.consumers[consumer]?.queue
        else { return }
        self.enterRing(consumer)
        switch acknowledgement {
        case .ack: break
        case .requeue:
            message.redelivered = true
            self.queues[queue]?.ready.putBack(message)
        case .reject: self.discard(message, from: queue, .rejected)
        }
        self.deliver(from: queue)
    }

    /// `basic.cancel`: the consumer gets nothing more, what it got can still be settled.
    ///
    /// - Parameter undelivered: What was on its way and never reached it: that goes back as it was.
    mutating func cancel(_ id: ConsumerID, undelivered: [Effects.Handover]) {
        guard let consumer = self.consumers[id], consumer.state != .cancelled else { return }
        self.consumers[id]?.state = .cancelled
        for handover in undelivered {
            self.consumers[id]?.unsettled[handover.tag] = nil
            self.queues[consumer.queue]?.ready.putBack(handover.message)
        }
        switch consumer.state {
        case .active: self.dismiss(id, from: consumer.queue)
        case .withoutQueue: self.consumersWithoutQueue[ByteName(consumer.queueName)]?.remove(id)
        case .cancelled: break
        }
    }

    /// Ends cancelled consumers: what they have not settled goes back to its queues, and only then to others.
    mutating func close(_ ids: [ConsumerID]) {
        var queues: Set<QueueID> = []
        for id in ids {
            guard let consumer = self.consumers.removeValue(forKey: id) else { continue }
            self.connections[consumer.connection]?.consumers.remove(id)
            queues.insert(consumer.queue)
            for var message in consumer.unsettled.values {
                message.redelivered = true
                self.queues[consumer.queue]?.ready.putBack(message)
            }
        }
        for queue in queues.sorted() { self.deliver(from: queue) }
    }

    func isActive(_ id: ConsumerID) -> Bool { self.consumers[id]?.state == .active }

    /// Puts a consumer that can take a message behind the others of its queue.
    mutating func enterRing(_ id: ConsumerID) {
        guard let consumer = self.consumers[id], consumer.canTakeMore, !consumer.isInRing else { return }
        self.consumers[id]?.isInRing = true
        self.queues[consumer.queue]?.ring.append(id, priority: consumer.priority)
    }

    /// The queue is gone: its consumers stay without one, and what they were given is settled by nobody.
    mutating func suspendWithoutQueue(_ id: ConsumerID) {
        guard let consumer = self.consumers[id] else { return }
        self.consumers[id]?.state = .withoutQueue
        self.consumers[id]?.isInRing = false
        self.consumers[id]?.unsettled = [:]
        self.consumersWithoutQueue[ByteName(consumer.queueName), default: []].insert(id)
    }

    /// Serves the consumers again whose queue was deleted, now that there is one of that name.
    mutating func readmitConsumers(to queue: QueueID) {
        guard let name = self.queues[queue]?.declaration.name else { return }
        for id in (self.consumersWithoutQueue.removeValue(forKey: ByteName(name)) ?? []).sorted() {
            guard let consumer = self.consumers[id] else { continue }
            do throws(BrokerError) {
                try self.checkAccess(to: queue, by: consumer.connection)
                try self.checkExclusiveUse(of: queue, by: consumer.options)
                self.consumers[id]?.queue = queue
                self.consumers[id]?.state = .active
                self.admit(id, to: queue)
            } catch {
                self.consumersWithoutQueue[ByteName(name), default: []].insert(id)
            }
        }
    }

    private mutating func admit(_ id: ConsumerID, to queue: QueueID) {
        self.queues[queue]?.consumers.insert(id)
        if self.consumers[id]?.options.exclusive == true { self.queues[queue]?.exclusiveConsumer = id }
        self.enterRing(id)
        self.deliver(from: queue)
    }

    private mutating func dismiss(_ id: ConsumerID, from queue: QueueID) {
        self.consumers[id]?.isInRing = false
        self.queues[queue]?.ring.remove(id)
        self.queues[queue]?.consumers.remove(id)
        if self.queues[queue]?.exclusiveConsumer == id { self.queues[queue]?.exclusiveConsumer = nil }
        guard let record = self.queues[queue] else { return }
        guard record.consumers.isEmpty else { return self.deliver(from: queue) }
        if record.declaration.autoDelete { return self.remove(queue) }
        self.queues[queue]?.unusedSince = self.now
        self.deliver(from: queue)
    }

    private func checkExclusiveUse(of id: QueueID, by options: ConsumerOptions) throws(BrokerError) {
        guard let queue = self.queues[id] else { return }
        if queue.exclusiveConsumer != nil || (options.exclusive && !queue.consumers.isEmpty) {
            throw .inExclusiveUse(queue.declaration.name)
        }
    }
}
