import EnokiBroker

extension VirtualHost {
    private typealias Deliveries = [(DeliveryTag, ChannelRecord.Unsettled)]

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

    func settle(
        _ deliveries: [(DeliveryTag, ChannelRecord.Unsettled)],
        as answer: Settling,
        on channel: ChannelRecord
    ) {
        let queues = self.release(deliveries)
        switch answer {
        case .ack: break
        case .requeue: self.putBack(deliveries)
        case .reject:
            for (_, delivery) in deliveries where !delivery.queue.isDeleted {
                self.deadLetter(delivery.message.published, from: delivery.queue, because: .rejected)
            }
        }
        self.unblock(channel)
        if answer == .requeue {
            for queue in queues { self.deliver(from: queue) }
        }
    }

    /// Takes deliveries off the accounts of their consumers and queues.
    ///
    /// - Returns: Their queues, once each.
    func release(_ deliveries: [(DeliveryTag, ChannelRecord.Unsettled)]) -> [QueueRecord] {
        var queues: [QueueRecord] = []
        for (_, delivery) in deliveries {
            delivery.consumer?.unsettledCount -= 1
            delivery.queue.unsettledCount -= 1
            if !delivery.queue.isDeleted, !queues.contains(where: { $0 === delivery.queue }) {
                queues.append(delivery.queue)
            }
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
