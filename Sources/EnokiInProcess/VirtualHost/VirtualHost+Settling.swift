import EnokiBroker

extension VirtualHost {
    private typealias Deliveries = [(DeliveryTag, ChannelRecord.Unsettled)]

    /// What deliveries are settled by.
    private struct GroupKey: Hashable {
        let queue: QueueID
        /// `nil` for what `basic.get` took.
        let consumer: ConsumerID?
    }

    /// `basic.ack`, `basic.nack` and `basic.reject`; in a transaction they wait for its commit.
    ///
    /// - Throws: `406` when the tag is not unsettled.
    func settle(
        _ tag: DeliveryTag,
        multiple: Bool,
        as answer: Settling,
        on channel: ChannelRecord
    ) throws(AMQPException) {
        let deliveries = try channel.take(tag, multiple: multiple)
        if channel.transaction != nil {
            channel.transaction?.settlements.append((deliveries, answer))
        } else {
            self.settle(deliveries, as: answer, on: channel)
        }
    }

    /// `basic.recover` with requeue: all that the channel has not settled goes back to its queues.
    func recover(requeue: Bool, on channel: ChannelRecord) throws(AMQPException) {
        guard requeue else { throw AMQPException(.notImplemented, "requeue=false") }
        self.settle(channel.takeAll(), as: .requeue, on: channel)
    }

    /// Settles deliveries as RabbitMQ does: for each queue and consumer by itself, and room for the channel's other consumers
    /// is made last.
    func settle(
        _ deliveries: [(DeliveryTag, ChannelRecord.Unsettled)],
        as answer: Settling,
        on channel: ChannelRecord
    ) {
        for group in self.groups(of: deliveries) { self.settle(group: group, as: answer, on: channel) }
        // Whom only the channel holds back waits until it has room; whose own room was full is served by now.
        let wasAtLimit = channel.isAtLimit
        channel.makeRoom(for: deliveries)
        if wasAtLimit { self.unblock(channel) }
    }

    /// Settles deliveries of one queue to one consumer.
    private func settle(group: Deliveries, as answer: Settling, on channel: ChannelRecord) {
        guard let (_, first) = group.first else { return }
        let queue = first.queue
        let full = first.consumer.flatMap { $0.hasRoom ? nil : $0 }
        _ = self.release(group)
        let hasUnblocked = full.map(self.unblock) ?? false
        switch answer {
        case .ack: break
        case .requeue: self.putBack(group)
        case .reject:
            for (_, delivery) in group where !queue.isDeleted {
                self.deadLetter(delivery.message.published, from: queue, because: .rejected)
            }
        }
        if hasUnblocked || answer == .requeue { self.deliver(from: queue) }
    }

    /// In the order in which RabbitMQ goes through them: by the names of the queues and the tags of the consumers.
    private func groups(of deliveries: Deliveries) -> [Deliveries] {
        guard deliveries.count > 1 else { return [deliveries] }
        var groups: [Deliveries] = []
        var indices: [GroupKey: Int] = [:]
        for delivery in deliveries {
            let key = GroupKey(queue: delivery.1.queue.id, consumer: delivery.1.consumer?.id)
            if let index = indices[key] {
                groups[index].append(delivery)
            } else {
                indices[key] = groups.count
                groups.append([delivery])
            }
        }
        return groups.sorted { left, right in
            let (left, right) = (left[0].1, right[0].1)
            guard left.queue === right.queue else {
                return left.queue.name.utf8.lexicographicallyPrecedes(right.queue.name.utf8)
            }
            // What was got comes first.
            let tag = right.consumer?.tag ?? ""
            return left.consumer.map { $0.tag.utf8.lexicographicallyPrecedes(tag.utf8) } ?? (right.consumer != nil)
        }
    }

    /// Takes deliveries off the accounts of their consumers and queues.
    ///
    /// - Returns: Their queues, once each.
    func release(_ deliveries: [(DeliveryTag, ChannelRecord.Unsettled)]) -> [QueueRecord] {
        var queues: [QueueRecord] = []
        var known: Set<QueueID> = []
        for (_, delivery) in deliveries {
            delivery.consumer?.unsettledCount -= 1
            delivery.queue.unsettledCount -= 1
            if !delivery.queue.isDeleted, known.insert(delivery.queue.id).inserted { queues.append(delivery.queue) }
        }
        return queues
    }

    /// Puts deliveries back at their places, marked as redelivered.
    func putBack(_ deliveries: [(DeliveryTag, ChannelRecord.Unsettled)]) {
        for (_, delivery) in deliveries where !delivery.queue.isDeleted {
            var message = delivery.message
            message.redelivered = true
            delivery.queue.ready.putBack(message)
        }
        for (_, delivery) in deliveries where !delivery.queue.isDeleted { self.dropExcess(of: delivery.queue) }
    }
}
