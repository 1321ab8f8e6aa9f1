import Logging

/// The reply queue of a process and the calls that wait for what comes in.
///
/// All calls share one queue, which is declared when the first of them, or a proxy's setup, asks for it. Replies need no
/// worker: they resume the caller from the transport's thread, so that a process whose workers all wait for replies still
/// gets them.
final class ReplyListener: RequestSender {
    private enum Phase {
        case idle
        case starting(Start)
        case listening(any Consumer)
        case closed
    }

    private struct State {
        var phase = Phase.idle
        var pending: [String: Pending] = [:]
        var calls: UInt64 = 0
    }

    private struct Pending {
        /// Counts the calls: at the end they fail in this order.
        let number: UInt64
        let service: String
        let method: String
        /// Whether the broker has the request, or may have it. Of one that is still to be sent the reply will come by the
        /// queue that is there by then.
        var isSent = false
        let continuation: CheckedContinuation<Message, any Error>
        var timer: TimerQueue.ID?
    }

    /// A start that is under way; others that need it wait for its end.
    private final class Start: Sendable {
        let isOver = Latch()
        let failure = Locked<(any Error)?>(nil)
    }

    /// Replies are acknowledged as they come: this bounds only what is on its way.
    private static let prefetch = 1000

    /// The routing key that replies come by.
    let replyTo: String

    private let name: String
    private let broker: any Broker
    private let timers: TimerQueue
    private let settings: ServiceSettings
    private let ids: IDSource
    private let logger: Logger
    private let state = Locked(State())

    init(
        name: String,
        broker: any Broker,
        timers: TimerQueue,
        settings: ServiceSettings,
        ids: IDSource = .random,
        logger: Logger
    ) {
        self.replyTo = ids.replyTo()
        self.name = name
        self.broker = broker
        self.timers = timers
        self.settings = settings
        self.ids = ids
        self.logger = logger
    }

    /// Sends `request` and returns its reply.
    ///
    /// - Throws: ``UnknownService``, ``RPCTimeout``, ``ReplyQueueLost``, `BrokerError` when the request was not sent,
    ///   `CancellationError`.
    func call(_ request: Message, service: String, method: String, timeout: Duration) async throws -> Message {
        let due = self.timers.now + timeout
        let expired = RPCTimeout(service: service, method: method, timeout: timeout)
        try await self.start(until: due, otherwise: expired)
        var request = request
        let correlationID = self.ids.correlationID()
        request.properties.correlationID = correlationID
        request.properties.replyTo = self.replyTo
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isClosed = self.state.withLock { state in
                    if case .closed = state.phase { return true }
                    state.calls += 1
                    state.pending[correlationID] = Pending(
                        number: state.calls,
                        service: service,
                        method: method,
                        continuation: continuation
                    )
                    return false
                }
                guard !isClosed else { return continuation.resume(throwing: Self.closed) }
                self.limit(correlationID, until: due, expired)
                // The handler below may have run already, and found no call to fail.
                guard !Task.isCancelled else { return self.fail(correlationID, CancellationError()) }
                self.publish(request, correlationID, service: service, method: method, timeout: timeout)
            }
        } onCancel: {
            self.fail(correlationID, CancellationError())
        }
    }

    /// Fails a pending call at `due`. It must be pending before: a timer that fires at once would not find it.
    private func limit(_ correlationID: String, until due: Duration, _ error: RPCTimeout) {
        let timer = self.timers.schedule(at: due) { self.fail(correlationID, error) }
        let isPending = self.state.withLock { state in
            state.pending[correlationID]?.timer = timer
            return state.pending[correlationID] != nil
        }
        if !isPending { self.timers.cancel(timer) }
    }

    private func publish(
        _ request: Message,
        _ correlationID: String,
        service: String,
        method: String,
        timeout: Duration
    ) {
        self.broker.publish(
            request,
            to: self.settings.rpcExchange,
            routingKey: RPCTopology.routingKey(service: service, method: method),
            options: PublishOptions(mandatory: true, timeout: timeout)
        ) { result in
            switch result {
            case .success: self.noteSent(correlationID)
            case .failure(let error) where error.code == .unroutable:
                self.fail(correlationID, UnknownService(service))
            // It may have been sent, so its reply may still come; until the deadline it is worth waiting for.
            case .failure(let error) where error.code == .outcomeUnknown: self.noteSent(correlationID)
            case .failure(let error): self.fail(correlationID, error)
            }
        }
    }

    private func noteSent(_ correlationID: String) {
        self.state.withLock { $0.pending[correlationID]?.isSent = true }
    }

    // MARK: - Start

    /// Declares and consumes the reply queue, unless that is done.
    func start() async throws {
        while true {
            let (start, isFirst) = self.state.withLock { state -> (Start?, Bool) in
                switch state.phase {
                case .idle:
                    let start = Start()
                    state.phase = .starting(start)
                    return (start, true)
                case .starting(let start): return (start, false)
                case .listening, .closed: return (nil, false)
                }
            }
            guard let start else { return }
            if isFirst { return try await self.listen(start) }
            await start.isOver.wait()
            try Task.checkCancellation()
            if let error = start.failure.withLock({ $0 }) { throw error }
        }
    }

    /// Starts as ``start()`` does, and throws `error` when that is not done by `due`.
    private func start(until due: Duration, otherwise error: RPCTimeout) async throws {
        if case .listening = self.state.withLock({ $0.phase }) { return }
        let isDue = Latch()
        let timer = self.timers.schedule(at: due) { isDue.open() }
        defer { self.timers.cancel(timer) }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.start() }
                group.addTask {
                    await isDue.wait()
                    throw error
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch {
            try Task.checkCancellation()
            throw error
        }
    }

    private func listen(_ start: Start) async throws {
        defer { start.isOver.open() }
        do {
            let topology = RPCTopology.replies(to: self.name, replyTo: self.replyTo, self.settings)
            try await self.broker.declare(topology)
            var options = ConsumerOptions(prefetch: Self.prefetch)
            // Its caller is told so, and waits no longer.
            options.takesDefective = true
            let consumer = try await self.broker.consume(topology.queues[0].name, options: options) {
                self.noteQueueLost()
            } onDelivery: { delivery in
                self.receive(delivery)
            }
            let isWanted = self.state.withLock { state in
                guard case .starting = state.phase else { return false }
                state.phase = .listening(consumer)
                return true
            }
            if !isWanted { await consumer.close() }
        } catch {
            self.state.withLock { if case .starting = $0.phase { $0.phase = .idle } }
            // One that was told to give up says nothing about the broker: the next in line tries for itself.
            if !Task.isCancelled { start.failure.withLock { $0 = error } }
            throw error
        }
    }

    // MARK: - Replies

    /// Takes no more replies and fails the calls that wait for one.
    func close() async {
        let (phase, pending) = self.state.withLock { state in
            defer {
                state.phase = .closed
                state.pending = [:]
            }
            return (state.phase, state.pending.values.sorted { $0.number < $1.number })
        }
        for call in pending {
            call.timer.map(self.timers.cancel)
            call.continuation.resume(throwing: Self.closed)
        }
        switch phase {
        case .listening(let consumer): await consumer.close()
        case .starting(let start): start.isOver.open()
        case .idle, .closed: break
        }
    }

    private static let closed = BrokerError(.closed, "the process stops: no more calls can be made")

    private func receive(_ reply: Delivery) {
        if let correlationID = reply.message.properties.correlationID, let call = self.take(correlationID) {
            call.resume(returning: reply.message)
        } else {
            self.logger.debug("dropped a reply that no call waits for")
        }
        reply.token.settle(.ack)
    }

    /// The queue was gone with the replies that were in it, and with it the way back of those that were to come.
    private func noteQueueLost() {
        let lost = self.state.withLock { state in
            let lost = state.pending.values.filter(\.isSent).sorted { $0.number < $1.number }
            state.pending = state.pending.filter { !$0.value.isSent }
            return lost
        }
        self.logger.warning("the queue for replies was lost", metadata: ["failed_calls": "\(lost.count)"])
        for call in lost {
            call.timer.map(self.timers.cancel)
            call.continuation.resume(throwing: ReplyQueueLost(service: call.service, method: call.method))
        }
    }

    private func fail(_ correlationID: String, _ error: any Error) {
        self.take(correlationID)?.resume(throwing: error)
    }

    private func take(_ correlationID: String) -> CheckedContinuation<Message, any Error>? {
        guard let call = self.state.withLock({ $0.pending.removeValue(forKey: correlationID) }) else { return nil }
        call.timer.map(self.timers.cancel)
        return call.continuation
    }
}
