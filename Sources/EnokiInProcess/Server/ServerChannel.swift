package import EnokiBroker

/// A channel to the in-process broker: the methods of AMQP 0-9-1 that RabbitMQ knows.
///
/// A method that throws has closed the channel, or where the code is a hard error its connection; what it had not settled
/// is back in its queues by then.
package final class ServerChannel: Sendable {
    package let id: ChannelID
    let server: BrokerServer

    init(id: ChannelID, server: BrokerServer) {
        self.id = id
        self.server = server
    }

    /// Whether the channel is open.
    package var isOpen: Bool { self.server.isOpen(self.id) }

    /// Closes the channel, and returns when it is not being called and will not be.
    package func close() async { await self.server.close(self.id) }

    /// `channel.close`: what the channel is sent ends with the place of the answer.
    package func closeInOrder() throws(AMQPException) { try self.server.closeInOrder(self.id) }

    /// So many deliveries have gone out, where the channel is paced.
    package func noteSent(_ count: Int) { self.server.noteSent(count, on: self.id) }

    /// Closes the channel without waiting for a call that it is in.
    package func abandon() { self.server.abandon(self.id) }

    /// Returns when all events so far have been handled; the broker must be running.
    package func flush() async { await self.server.flush(self.id) }

    private func perform<Output>(
        _ method: AMQPMethod,
        _ input: (VirtualHost, ChannelRecord) throws(AMQPException) -> Output
    ) throws(AMQPException) -> Output {
        try self.server.perform(method, on: self.id, input)
    }

    /// Fails a method that was not even tried.
    package func refuse(_ method: AMQPMethod, _ error: AMQPException) throws(AMQPException) {
        try self.perform(method) { (_, _) throws(AMQPException) in throw error }
    }

    // MARK: - Exchanges

    /// `exchange.declare`.
    package func declare(_ exchange: Exchange) throws(AMQPException) {
        try self.perform(.exchangeDeclare) { (host, _) throws(AMQPException) in try host.declare(exchange) }
    }

    /// `exchange.declare`, passive.
    package func declarePassively(exchange: String) throws(AMQPException) {
        try self.perform(.exchangeDeclare) { (host, _) throws(AMQPException) in
            try host.declarePassively(exchange: exchange)
        }
    }

    /// `exchange.delete`; one that does not exist is no error.
    package func delete(exchange: String, ifUnused: Bool = false) throws(AMQPException) {
        try self.perform(.exchangeDelete) { (host, _) throws(AMQPException) in
            try host.delete(exchange: exchange, ifUnused: ifUnused)
        }
    }

    /// `queue.bind` or `exchange.bind`.
    package func bind(_ binding: Binding) throws(AMQPException) {
        let method: AMQPMethod = if case .queue = binding.destination { .queueBind } else { .exchangeBind }
        try self.perform(method) { (host, channel) throws(AMQPException) in try host.bind(binding, on: channel) }
    }

    /// `queue.unbind` or `exchange.unbind`.
    package func unbind(_ binding: Binding) throws(AMQPException) {
        let method: AMQPMethod = if case .queue = binding.destination { .queueUnbind } else { .exchangeUnbind }
        try self.perform(method) { (host, channel) throws(AMQPException) in try host.unbind(binding, on: channel) }
    }

    /// Declares exchanges, then queues, then bindings.
    package func declare(_ topology: Topology) throws(AMQPException) {
        // The default exchange needs no declaration.
        for exchange in topology.exchanges where !exchange.name.isEmpty { try self.declare(exchange) }
        for queue in topology.queues { _ = try self.declare(queue) }
        for binding in topology.bindings { try self.bind(binding) }
    }

    // MARK: - Queues

    /// `queue.declare`; an empty name asks for one of the broker's choice, which the answer has.
    package func declare(_ queue: Queue) throws(AMQPException) -> QueueStatus {
        try self.perform(.queueDeclare) { (host, channel) throws(AMQPException) in
            try host.declare(queue, on: channel)
        }
    }

    /// `queue.declare`, passive.
    package func declarePassively(queue: String) throws(AMQPException) -> QueueStatus {
        try self.perform(.queueDeclare) { (host, channel) throws(AMQPException) in
            try host.declarePassively(queue: queue, on: channel)
        }
    }

    /// `queue.purge`.
    package func purge(queue: String) throws(AMQPException) -> Int {
        try self.perform(.queuePurge) { (host, channel) throws(AMQPException) in
            try host.purge(queue: queue, on: channel)
        }
    }

    /// `queue.delete`; returns how many messages were ready.
    @discardableResult
    package func delete(
        queue: String,
        ifUnused: Bool = false,
        ifEmpty: Bool = false
    ) throws(AMQPException) -> Int {
        try self.perform(.queueDelete) { (host, channel) throws(AMQPException) in
            try host.delete(queue: queue, ifUnused: ifUnused, ifEmpty: ifEmpty, on: channel)
        }
    }

    // MARK: - Messages

    /// `basic.qos`; 0 is any number. A size is not implemented.
    package func qos(prefetch: Int, size: Int = 0, global: Bool = false) throws(AMQPException) {
        try self.perform(.basicQos) { (host, channel) throws(AMQPException) in
            guard size == 0 else { throw AMQPException(.notImplemented, "prefetch_size!=0 (\(size))") }
            host.qos(prefetch: prefetch, global: global, on: channel)
        }
    }

    /// `basic.consume`; returns the consumer's tag.
    @discardableResult
    package func consume(_ request: ConsumeRequest) throws(AMQPException) -> String {
        try self.perform(.basicConsume) { (host, channel) throws(AMQPException) in
            try host.consume(request, on: channel)
        }
    }

    /// `basic.cancel`. What was sent before is still delivered.
    package func cancel(consumerTag: String) throws(AMQPException) {
        try self.perform(.basicCancel) { (host, channel) in host.cancel(consumerTag, on: channel) }
    }

    /// `basic.cancel` for who wants nothing more at all: what was on its way goes back to its queue. Returns when the
    /// channel is not being called.
    package func withdraw(consumerTag: String) async { await self.server.cancel(consumer: consumerTag, on: self.id) }

    /// `basic.publish`. Immediate is not implemented.
    package func publish(
        _ message: Message,
        exchange: String,
        routingKey: String,
        mandatory: Bool = false,
        immediate: Bool = false
    ) throws(AMQPException) {
        try self.perform(.basicPublish) { (host, channel) throws(AMQPException) in
            guard !immediate else { throw AMQPException(.notImplemented, "immediate=true") }
            _ = try host.publish(message, exchange: exchange, routingKey: routingKey, mandatory: mandatory, on: channel)
        }
    }

    /// `basic.publish` of a message whose properties cannot be read: RabbitMQ's channel crashes over it, where it would
    /// have taken the message otherwise.
    package func publishUnreadable(exchange: String, immediate: Bool = false) throws(AMQPException) {
        try self.perform(.basicPublish) { (host, _) throws(AMQPException) in
            guard !immediate else { throw AMQPException(.notImplemented, "immediate=true") }
            _ = try host.requireExchange(toPublishTo: exchange)
            throw .internalError
        }
    }

    /// `basic.get`; `nil` is `basic.get-empty`.
    package func get(queue: String, noAck: Bool = false) throws(AMQPException) -> BasicGetOK? {
        try self.perform(.basicGet) { (host, channel) throws(AMQPException) in
            try host.get(queue, noAck: noAck, on: channel)
        }
    }

    /// `basic.ack`.
    package func ack(_ tag: DeliveryTag, multiple: Bool = false) throws(AMQPException) {
        try self.perform(.basicAck) { (host, channel) throws(AMQPException) in
            try host.settle(tag, multiple: multiple, as: .ack, on: channel)
        }
    }

    /// `basic.nack`.
    package func nack(_ tag: DeliveryTag, multiple: Bool = false, requeue: Bool = true) throws(AMQPException) {
        try self.perform(.basicNack) { (host, channel) throws(AMQPException) in
            try host.settle(tag, multiple: multiple, as: requeue ? .requeue : .reject, on: channel)
        }
    }

    /// `basic.reject`.
    package func reject(_ tag: DeliveryTag, requeue: Bool) throws(AMQPException) {
        try self.perform(.basicReject) { (host, channel) throws(AMQPException) in
            try host.settle(tag, multiple: false, as: requeue ? .requeue : .reject, on: channel)
        }
    }

    /// `basic.recover`.
    package func recover(requeue: Bool) throws(AMQPException) {
        try self.perform(.basicRecover) { (host, channel) throws(AMQPException) in
            try host.recover(requeue: requeue, on: channel)
        }
    }

    /// `basic.recover-async`, the older form.
    package func recoverAsync(requeue: Bool) throws(AMQPException) {
        try self.perform(.basicRecoverAsync) { (host, channel) throws(AMQPException) in
            try host.recover(requeue: requeue, on: channel)
        }
    }

    // MARK: - Modes

    /// `channel.flow`; it can only be on.
    package func flow(active: Bool) throws(AMQPException) {
        try self.perform(.channelFlow) { (_, _) throws(AMQPException) in
            guard active else { throw AMQPException(.notImplemented, "active=false") }
        }
    }

    /// `confirm.select`.
    package func selectConfirms() throws(AMQPException) {
        try self.perform(.confirmSelect) { (host, channel) throws(AMQPException) in
            try host.selectConfirms(on: channel)
        }
    }

    /// `access.request` of AMQP 0-8, which asks for what nobody needs.
    package func requestAccess() throws(AMQPException) {
        try self.perform(.accessRequest) { (_, _) throws(AMQPException) in }
    }

    /// `tx.select`.
    package func selectTransactions() throws(AMQPException) {
        try self.perform(.txSelect) { (host, channel) throws(AMQPException) in
            try host.selectTransactions(on: channel)
        }
    }

    /// `tx.commit`.
    package func commit() throws(AMQPException) {
        try self.perform(.txCommit) { (host, channel) throws(AMQPException) in try host.commit(on: channel) }
    }

    /// `tx.rollback`.
    package func rollBack() throws(AMQPException) {
        try self.perform(.txRollback) { (host, channel) throws(AMQPException) in try host.rollBack(on: channel) }
    }
}
