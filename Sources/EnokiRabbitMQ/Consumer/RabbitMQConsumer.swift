import EnokiBroker
import Logging

/// A consumer with a channel of its own: its prefetch, its errors and its delivery tags concern nobody else.
final class RabbitMQConsumer: Consumer, ChannelUser {
    private enum Phase {
        /// Not consuming: before the first time, or after a loss.
        case idle
        case starting
        case active
        /// Cancelled by the user; deliveries that came before may still be settled.
        case cancelled
    }

    private struct State {
        var phase = Phase.idle
        var session: Session?
        var channel: Channel?
    }

    /// Who starts it again.
    protocol Host: AnyObject, Sendable {
        var configuration: RabbitMQConfiguration { get }
        var logger: Logger { get }
        /// The consumer has ended without being asked to, on a session that lives.
        func consumerStopped(_ consumer: RabbitMQConsumer, on session: Session, because reason: String)
        /// The user wants it no longer.
        func consumerCancelled(_ consumer: RabbitMQConsumer)
    }

    let queue: String
    private let options: ConsumerOptions
    private let onQueueLost: (@Sendable () -> Void)?
    private let onDelivery: @Sendable (Delivery) -> Void
    private let unsettled = Locked(UnsettledDeliveries())
    private let tag: String
    private let host: any Host
    private let state = Locked(State())

    init(
        _ queue: String,
        options: ConsumerOptions,
        tag: String,
        host: any Host,
        onQueueLost: (@Sendable () -> Void)?,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) {
        self.queue = queue
        self.options = options
        self.tag = tag
        self.host = host
        self.onQueueLost = onQueueLost
        self.onDelivery = onDelivery
    }

    /// Whether the broker has agreed to serve it, on a channel that is open.
    var isActive: Bool {
        let channel = self.state.withLock { $0.phase == .active ? $0.channel : nil }
        return channel?.isOpen == true
    }

    /// Whether it wants to know when its queue was lost.
    var watchesQueue: Bool { self.onQueueLost != nil }

    /// Its queue was gone, and with it what was in it.
    func noteQueueLost() { self.onQueueLost?() }

    /// Whether the user has cancelled it.
    var isCancelled: Bool { self.state.withLock { $0.phase == .cancelled } }

    /// Consumes on `session`, on a new channel.
    func start(on session: Session, complete: @escaping @Sendable (Result<Void, BrokerError>) -> Void) {
        let callTimeout = self.host.configuration.callTimeout
        let deadline = ContinuousClock.Instant.deadline(after: callTimeout)
        let channel: Channel
        do throws(BrokerError) {
            channel = try session.openChannel(for: self, deadline: deadline)
        } catch {
            return complete(.failure(error))
        }
        let isWanted = self.state.withLock { state in
            guard state.phase != .cancelled else { return false }
            state = State(phase: .starting, session: session, channel: channel)
            return true
        }
        guard isWanted else {
            session.close(channel, deadline: deadline)
            return complete(.success(()))
        }
        // Before the consumer: deliveries would flood in without it.
        channel.call(.qos(prefetch: UInt16(clamping: max(1, self.options.prefetch))), deadline: deadline) { _ in }
        let consume = Method.consume(queue: self.queue, tag: self.tag, options: self.options)
        channel.call(consume, deadline: deadline) { result in
            switch result {
            case .success:
                self.state.withLock { state in
                    if state.channel === channel, state.phase == .starting { state.phase = .active }
                }
                complete(.success(()))
            case .failure(let error):
                self.state.withLock { state in
                    if state.channel === channel, state.phase == .starting { state = State() }
                }
                // One that is late would otherwise begin to deliver to nobody.
                if channel.isOpen { session.close(channel, deadline: .deadline(after: callTimeout)) }
                complete(.failure(error))
            }
        }
    }

    func cancel() async {
        let (channel, isFirst) = self.state.withLock { state -> (Channel?, Bool) in
            defer { state.phase = .cancelled }
            return (state.channel, state.phase != .cancelled)
        }
        if isFirst { self.host.consumerCancelled(self) }
        guard isFirst, let channel else { return }
        let deadline = ContinuousClock.Instant.deadline(after: self.host.configuration.callTimeout)
        await withCheckedContinuation { done in
            // Whatever the answer: with a channel that is gone no delivery can come either.
            channel.call(.cancel(tag: self.tag), deadline: deadline) { _ in done.resume() }
        }
    }

    /// Wants it no longer, whatever has become of it, and waits for nothing.
    func abandon() {
        let (session, channel) = self.state.withLock { state in
            defer { state = State(phase: .cancelled) }
            return (state.session, state.channel)
        }
        self.host.consumerCancelled(self)
        guard let session, let channel else { return }
        session.close(channel, deadline: .deadline(after: self.host.configuration.callTimeout))
    }

    func close() async {
        await self.cancel()
        let (session, channel) = self.state.withLock { state in
            defer {
                state.session = nil
                state.channel = nil
            }
            return (state.session, state.channel)
        }
        guard let session, let channel else { return }
        let deadline = ContinuousClock.Instant.deadline(after: self.host.configuration.callTimeout)
        await withCheckedContinuation { done in
            session.close(channel, deadline: deadline) { done.resume() }
        }
    }

    // MARK: - Told by the I/O thread

    func channel(_ channel: Channel, received content: Content) {
        guard case .delivery(let envelope) = content.origin else { return }
        switch content.message {
        case .success(let message): self.deliver(message, envelope, on: channel)
        case .failure(let failure) where self.options.takesDefective:
            self.deliver(failure.message, envelope, on: channel)
        case .failure(let failure): self.refuse(envelope, failure, on: channel)
        }
    }

    private func deliver(_ message: Message, _ envelope: IncomingMethod.Envelope, on channel: Channel) {
        let tag = envelope.tag
        let token: DeliveryToken
        if self.options.automaticAcknowledgement {
            token = DeliveryToken { _ in }
        } else {
            let id = message.properties.messageID
            self.unsettled.withLock { $0.add(tag, messageID: id, at: .now) }
            token = DeliveryToken(loss: { channel.loss }) { [unsettled] answer in
                // Of a channel that is gone nothing is settled: its tags may be those of another now.
                if channel.send(.acknowledge(answer, tag: tag)) { unsettled.withLock { $0.settle(tag) } }
            }
        }
        self.onDelivery(
            Delivery(
                message: message,
                exchange: envelope.exchange,
                routingKey: envelope.routingKey,
                redelivered: envelope.redelivered,
                token: token
            )
        )
    }

    /// Warns of deliveries that have been unsettled for at least `limit`, and tells how long RabbitMQ waits.
    func warnOfUnsettled(for limit: Duration, of timeout: Duration) {
        for overdue in self.unsettled.withLock({ $0.overdue(at: .now, limit: limit) }) {
            self.host.logger.warning(
                """
                a delivery has been unsettled for \(overdue.age): at \(timeout) (consumer_timeout) the broker closes the \
                channel and delivers again all that is unsettled on it
                """,
                metadata: [
                    "queue": "\(self.queue)", "message_id": "\(Redaction.redacted(overdue.messageID ?? "none"))",
                ]
            )
        }
    }

    /// Ends a message that breaks a bound, for a consumer that has no use for such.
    private func refuse(_ envelope: IncomingMethod.Envelope, _ failure: UnacceptableContent, on channel: Channel) {
        self.host.logger.error(
            "a message was rejected without requeue: \(failure.defect.explanation)",
            metadata: [
                "queue": "\(self.queue)", "exchange": "\(Redaction.redacted(envelope.exchange))",
                "routing_key": "\(Redaction.redacted(envelope.routingKey))",
            ]
        )
        if !self.options.automaticAcknowledgement { channel.send(.acknowledge(.reject, tag: envelope.tag)) }
    }

    func channel(_ channel: Channel, received method: IncomingMethod) {
        guard case .cancelled = method else { return }
        let session = self.stop(channel)
        guard let session else { return }
        channel.noteLostQueue()
        session.close(channel, deadline: .deadline(after: self.host.configuration.callTimeout))
        self.host.consumerStopped(
            self,
            on: session,
            because: "the broker cancelled it: queue deleted by someone, or its node is gone; its messages may be lost"
        )
    }

    func channel(_ channel: Channel, closedWith closure: IncomingMethod.Closure, unanswered: [Call]) {
        let wasStarting = self.state.withLock { $0.channel === channel && $0.phase == .starting }
        let session = self.stop(channel)
        for call in unanswered { call.complete?(.failure(BrokerError(closure, during: call.method))) }
        // While it starts, whoever started it is told.
        guard let session, !wasStarting else { return }
        self.host.consumerStopped(self, on: session, because: "the broker closed its channel: \(closure.text)")
    }

    func channel(_ channel: Channel, lostWith error: BrokerError) { _ = self.stop(channel) }

    /// Forgets `channel`.
    ///
    /// - Returns: Its session, if the consumer is still wanted.
    private func stop(_ channel: Channel) -> Session? {
        self.state.withLock { state in
            guard state.channel === channel else { return nil }
            // Its deliveries are the queue's again.
            self.unsettled.withLock { $0.removeAll() }
            let session = state.session
            state.channel = nil
            state.session = nil
            guard state.phase != .cancelled else { return nil }
            state.phase = .idle
            return session
        }
    }
}
