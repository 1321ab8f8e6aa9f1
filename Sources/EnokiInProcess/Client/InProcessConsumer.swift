import EnokiBroker
import Logging

/// A consumer of an in-process broker: a channel of its own, as that of RabbitMQ has.
///
/// When its queue is deleted it is not active until there is a queue of that name again.
final class InProcessConsumer: Consumer {
    private struct State {
        var channel: ServerChannel?
        /// Whether the broker serves it.
        var isServed = false
        /// Whether somebody will call ``startAgain()``, once.
        var isWaiting = false
        var isCancelled = false
    }

    /// The channel has no other consumer.
    private static let tag = "consumer"

    /// Counts the consumers of the process: they are served again in this order.
    let number: UInt64
    private let queue: String
    private let options: ConsumerOptions
    /// They hold each other until the connection or the broker is closed: whoever consumes is connected.
    private let connection: InProcessConnection
    private let server: BrokerServer
    private let onQueueLost: @Sendable () -> Void
    private let onDelivery: @Sendable (Delivery) -> Void
    private let state = Locked(State())

    init(
        _ queue: String,
        options: ConsumerOptions,
        on connection: InProcessConnection,
        server: BrokerServer,
        onQueueLost: @escaping @Sendable () -> Void,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) {
        self.number = server.nextConsumerNumber()
        self.queue = queue
        self.options = options
        self.connection = connection
        self.server = server
        self.onQueueLost = onQueueLost
        self.onDelivery = onDelivery
    }

    /// Begins to consume, on a new channel.
    func start(on connection: ServerConnection) throws(AMQPException) {
        let channel = try connection.openChannel { [weak self] in self?.handle($1, on: $0) }
        let (isWanted, former) = self.state.withLock { state in
            // Somebody may have cancelled it meanwhile.
            guard !state.isCancelled else { return (false, nil as ServerChannel?) }
            defer {
                state.channel = channel
                state.isServed = false
            }
            return (true, state.channel)
        }
        former?.abandon()
        guard isWanted else { return channel.abandon() }
        do throws(AMQPException) {
            try channel.qos(prefetch: self.options.prefetch)
            try self.consume(on: channel)
        } catch {
            channel.abandon()
            throw error
        }
    }

    private func consume(on channel: ServerChannel) throws(AMQPException) {
        try channel.consume(self.request)
        let isCancelled = self.state.withLock { state in
            state.isServed = !state.isCancelled
            state.isWaiting = false
            return state.isCancelled
        }
        // Who cancelled it meanwhile found nothing to cancel.
        if isCancelled { channel.abandon() }
    }

    /// Begins to consume again on a new connection.
    func startAgain(on connection: ServerConnection) {
        guard !self.state.withLock({ $0.isCancelled }) else { return }
        do throws(AMQPException) {
            // What was delivered before came by a channel that is gone: nobody can settle it.
            try self.start(on: connection)
        } catch {
            self.waitAndStartAgain(after: error)
        }
    }

    /// Begins to consume where it is not served and nobody will see to that.
    func startIfForgotten(on connection: ServerConnection) {
        let isForgotten = self.state.withLock { !$0.isServed && !$0.isWaiting && !$0.isCancelled }
        if isForgotten { self.startAgain(on: connection) }
    }

    /// Begins to consume again after the broker has cancelled it, on the channel that it has: what was delivered can still be
    /// settled.
    private func startAgain() {
        let (isWanted, channel) = self.state.withLock { state in
            defer { state.isWaiting = false }
            return (state.isWaiting && !state.isServed && !state.isCancelled, state.channel)
        }
        guard isWanted else { return }
        if let channel, channel.isOpen {
            do throws(AMQPException) {
                return try self.consume(on: channel)
            } catch {
                return self.waitAndStartAgain(after: error)
            }
        }
        // Without a connection the next one begins it.
        if let session = self.connection.session { self.startAgain(on: session.connection) }
    }

    private func waitAndStartAgain(after error: AMQPException) {
        let isWanted = self.state.withLock { state in
            defer { state.isWaiting = true }
            return !state.isCancelled && !state.isWaiting
        }
        guard isWanted else { return }
        if error.code == .notFound {
            self.server.whenThere(self.queue) { [weak self] in self?.startAgain() }
        } else {
            // Somebody has the queue for himself.
            self.server.timers.schedule(after: Self.pause) { [weak self] in self?.startAgain() }
        }
    }

    /// Until it is tried again to consume a queue that another has for himself.
    private static let pause = Duration.milliseconds(500)

    private var request: ConsumeRequest {
        var request = ConsumeRequest(queue: self.queue)
        request.consumerTag = Self.tag
        request.noAck = self.options.automaticAcknowledgement
        request.exclusive = self.options.exclusive
        if let priority = self.options.priority { request.arguments["x-priority"] = .int32(priority) }
        return request
    }

    private func handle(_ event: ChannelEvent, on channel: ServerChannel) {
        switch event {
        case .deliver(let delivery): self.deliver(delivery, on: channel)
        case .cancelled: self.noteCancel(of: channel)
        case .closed: self.state.withLock { state in if state.channel?.id == channel.id { state.isServed = false } }
        case .returned, .acked, .nacked, .answer: break
        }
    }

    private func deliver(_ delivery: BasicDeliver, on channel: ServerChannel) {
        // What is left unsettled goes back when the consumer is closed.
        guard !self.state.withLock({ $0.isCancelled }) || self.options.automaticAcknowledgement else { return }
        let size = delivery.message.body.count
        let defect =
            size > self.connection.maxBodySize
            ? MessageDefect.bodyTooLarge(size: UInt64(size), limit: self.connection.maxBodySize) : nil
        if let defect, !self.options.takesDefective { return self.refuse(delivery, defect, on: channel) }
        let tag = delivery.deliveryTag
        let settles = !self.options.automaticAcknowledgement
        // Also with its connection: this broker does not die without its services.
        let token = DeliveryToken(loss: { channel.isOpen ? nil : .returned }) { answer in
            guard settles else { return }
            // A channel that is gone has given its deliveries back already.
            switch answer {
            case .ack: try? channel.ack(tag)
            case .requeue: try? channel.reject(tag, requeue: true)
            case .reject: try? channel.reject(tag, requeue: false)
            }
        }
        self.onDelivery(
            Delivery(
                message: defect.map(delivery.message.without) ?? delivery.message,
                exchange: delivery.exchange,
                routingKey: delivery.routingKey,
                redelivered: delivery.redelivered,
                token: token
            )
        )
    }

    /// Ends a message that breaks a bound, for a consumer that has no use for such: as the transport for RabbitMQ does.
    private func refuse(_ delivery: BasicDeliver, _ defect: MessageDefect, on channel: ServerChannel) {
        self.server.logger.error(
            "a message was rejected without requeue: \(defect.explanation)",
            metadata: [
                "queue": "\(self.queue)", "exchange": "\(Redaction.redacted(delivery.exchange))",
                "routing_key": "\(Redaction.redacted(delivery.routingKey))",
            ]
        )
        if !self.options.automaticAcknowledgement { try? channel.reject(delivery.deliveryTag, requeue: false) }
    }

    /// The broker has cancelled it: its queue is gone, or served elsewhere.
    private func noteCancel(of channel: ServerChannel) {
        let isWanted = self.state.withLock { state in
            guard state.channel?.id == channel.id else { return false }
            state.isServed = false
            guard !state.isCancelled, !state.isWaiting else { return false }
            state.isWaiting = true
            return true
        }
        guard isWanted else { return }
        let isQueueLost = !self.isQueueThere
        self.connection.restoreTopology()
        if isQueueLost { self.tellQueueLost() }
        self.server.whenThere(self.queue) { [weak self] in self?.startAgain() }
    }

    /// Whether there is a queue of that name.
    var isQueueThere: Bool { self.server.hasQueue(named: self.queue) }

    /// Its queue was gone, and with it what was in it.
    func tellQueueLost() { self.server.calls.call(self.onQueueLost) }

    var isActive: Bool {
        let (channel, isServed) = self.state.withLock { ($0.channel, $0.isServed) }
        return isServed && channel?.isOpen == true
    }

    func cancel() async {
        let channel = self.state.withLock { state in
            state.isCancelled = true
            state.isServed = false
            return state.channel
        }
        await channel?.withdraw(consumerTag: Self.tag)
    }

    func close() async {
        await self.cancel()
        await self.state.withLock { $0.channel }?.close()
        self.connection.forget(self)
    }
}

extension Message {
    /// What is left of the message where its body is not taken.
    fileprivate func without(_ defect: MessageDefect) -> Message {
        var message = Message(body: [], properties: self.properties)
        message.defect = defect
        return message
    }
}
