import EnokiBroker

/// A consumer of an in-process broker: a channel of its own, as that of RabbitMQ has.
///
/// When its queue is deleted it is not active until there is a queue of that name again.
final class InProcessConsumer: Consumer {
    private struct State {
        var channel: ServerChannel?
        /// Whether the broker serves it.
        var isServed = false
        var isCancelled = false
    }

    /// The channel has no other consumer.
    private static let tag = "consumer"

    /// Counts the consumers of the process: they are served again in this order.
    let number: UInt64
    private let queue: String
    private let options: ConsumerOptions
    private let connection: InProcessConnection
    private let server: BrokerServer
    private let onDelivery: @Sendable (Delivery) -> Void
    private let state = Locked(State())

    init(
        _ queue: String,
        options: ConsumerOptions,
        on connection: InProcessConnection,
        server: BrokerServer,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) {
        self.number = server.nextConsumerNumber()
        self.queue = queue
        self.options = options
        self.connection = connection
        self.server = server
        self.onDelivery = onDelivery
    }

    /// Begins to consume, on a new channel.
    func start(on connection: ServerConnection) throws(AMQPException) {
        let channel = try connection.openChannel { [self] in self.handle($1, on: $0) }
        let unused = self.state.withLock { state in
            // Somebody may have cancelled it meanwhile.
            guard !state.isCancelled else { return channel as ServerChannel? }
            defer { state.channel = channel }
            return state.channel
        }
        unused?.abandon()
        guard unused !== channel else { return }
        do throws(AMQPException) {
            try channel.qos(prefetch: self.options.prefetch)
            try channel.consume(self.request)
            self.state.withLock { $0.isServed = !$0.isCancelled }
        } catch {
            channel.abandon()
            throw error
        }
    }

    /// Begins to consume again on a new connection, or on another queue of the name.
    func startAgain(on connection: ServerConnection) {
        guard !self.state.withLock({ $0.isCancelled }) else { return }
        do throws(AMQPException) {
            // What was delivered before came by a channel that is gone: nobody can settle it.
            try self.start(on: connection)
        } catch {
            self.server.whenDeclared(self.queue) { [weak self] in self?.startAgain() }
        }
    }

    private func startAgain() {
        if let session = self.connection.session { self.startAgain(on: session.connection) }
    }

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
        case .cancelled: self.waitForQueue()
        case .closed: self.state.withLock { state in if state.channel === channel { state.isServed = false } }
        case .returned, .acked, .nacked: break
        }
    }

    private func deliver(_ delivery: BasicDeliver, on channel: ServerChannel) {
        let tag = delivery.deliveryTag
        let settles = !self.options.automaticAcknowledgement
        let token = DeliveryToken { answer in
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
                message: delivery.message,
                exchange: delivery.exchange,
                routingKey: delivery.routingKey,
                redelivered: delivery.redelivered,
                token: token
            )
        )
    }

    /// The queue is gone: waits for another of its name.
    private func waitForQueue() {
        let isWanted = self.state.withLock { state in
            state.isServed = false
            return !state.isCancelled
        }
        if isWanted { self.server.whenThere(self.queue) { [weak self] in self?.startAgain() } }
    }

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
