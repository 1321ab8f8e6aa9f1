import Logging

/// The reply queue of a process and the calls that wait for what comes in.
///
/// All calls share one queue, which is declared when the first of them, or a proxy's setup, asks for it. Replies need no
/// worker: they resume the caller from the transport's thread, so that a process whose workers all wait for replies still
/// gets them.
final class ReplyListener: Sendable {
    private enum Phase {
        case idle
        case starting([CheckedContinuation<Void, any Error>])
        case listening(any Consumer)
        case closed
    }

    private struct State {
        var phase = Phase.idle
        var pending: [String: Pending] = [:]
    }

    private struct Pending {
        let continuation: CheckedContinuation<Message, any Error>
        let timer: TimerQueue.ID
    }

    /// The routing key that replies come by.
    let replyTo = uuid4()

    private let name: String
    private let broker: any Broker
    private let timers: TimerQueue
    private let settings: ServiceSettings
    private let logger: Logger
    private let state = Locked(State())

    init(name: String, broker: any Broker, timers: TimerQueue, settings: ServiceSettings, logger: Logger) {
        self.name = name
        self.broker = broker
        self.timers = timers
        self.settings = settings
        self.logger = logger
    }

    /// Sends `request` and returns its reply.
    ///
    /// - Throws: ``UnknownService``, ``RPCTimeout``, `BrokerError` when the request was not sent, `CancellationError`.
    func call(_ request: Message, service: String, method: String, timeout: Duration) async throws -> Message {
        try await self.start()
        var request = request
        let correlationID = uuid4()
        request.properties.correlationID = correlationID
        request.properties.replyTo = self.replyTo
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let timer = self.timers.schedule(after: timeout) {
                    self.fail(correlationID, RPCTimeout(service: service, method: method, timeout: timeout))
                }
                let isClosed = self.state.withLock { state in
                    if case .closed = state.phase { return true }
                    state.pending[correlationID] = Pending(continuation: continuation, timer: timer)
                    return false
                }
                guard !isClosed else {
                    self.timers.cancel(timer)
                    continuation.resume(throwing: Self.closed)
                    return
                }
                // The handler below may have run already, and found no call to fail.
                guard !Task.isCancelled else { return self.fail(correlationID, CancellationError()) }
                self.publish(request, correlationID, service: service, method: method, timeout: timeout)
            }
        } onCancel: {
            self.fail(correlationID, CancellationError())
        }
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
            guard case .failure(let error) = result else { return }
            switch error.code {
            case .unroutable: self.fail(correlationID, UnknownService(service))
            // It may have been sent, so its reply may still come; until the deadline it is worth waiting for.
            case .outcomeUnknown: break
            default: self.fail(correlationID, error)
            }
        }
    }

    /// Declares and consumes the reply queue, unless that is done.
    func start() async throws {
        let isFirst: Bool? = self.state.withLock { state in
            switch state.phase {
            case .idle:
                state.phase = .starting([])
                return true
            case .starting: return false
            case .listening, .closed: return nil
            }
        }
        switch isFirst {
        case nil: return
        case false?: try await self.waitForStart()
        case true?:
            do {
                let topology = RPCTopology.replies(to: self.name, replyTo: self.replyTo, self.settings)
                try await self.broker.declare(topology)
                let consumer = try await self.broker.consume(
                    topology.queues[0].name,
                    options: ConsumerOptions(automaticAcknowledgement: true)
                ) { delivery in
                    self.receive(delivery.message)
                }
                self.finishStart(.success(consumer))
            } catch {
                self.finishStart(.failure(error))
                throw error
            }
        }
    }

    private func waitForStart() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let isOver = self.state.withLock { state in
                guard case .starting(var waiting) = state.phase else { return true }
                waiting.append(continuation)
                state.phase = .starting(waiting)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    private func finishStart(_ result: Result<any Consumer, any Error>) {
        let waiting = self.state.withLock { state -> [CheckedContinuation<Void, any Error>] in
            guard case .starting(let waiting) = state.phase else { return [] }
            switch result {
            case .success(let consumer): state.phase = .listening(consumer)
            case .failure: state.phase = .idle
            }
            return waiting
        }
        for continuation in waiting { continuation.resume(with: result.map { _ in }) }
    }

    /// Takes no more replies and fails the calls that wait for one.
    func close() async {
        let (phase, pending) = self.state.withLock { state in
            defer {
                state.phase = .closed
                state.pending = [:]
            }
            return (state.phase, state.pending.values)
        }
        for call in pending {
            self.timers.cancel(call.timer)
            call.continuation.resume(throwing: Self.closed)
        }
        switch phase {
        case .listening(let consumer): await consumer.close()
        case .starting(let waiting): for continuation in waiting { continuation.resume(throwing: Self.closed) }
        case .idle, .closed: break
        }
    }

    private static let closed = BrokerError(.closed, "the process stops: no more calls can be made")

    private func receive(_ reply: Message) {
        guard let correlationID = reply.properties.correlationID, let call = self.take(correlationID) else {
            self.logger.debug("dropped a reply that no call waits for")
            return
        }
        call.resume(returning: reply)
    }

    private func fail(_ correlationID: String, _ error: any Error) {
        self.take(correlationID)?.resume(throwing: error)
    }

    private func take(_ correlationID: String) -> CheckedContinuation<Message, any Error>? {
        guard let call = self.state.withLock({ $0.pending.removeValue(forKey: correlationID) }) else { return nil }
        self.timers.cancel(call.timer)
        return call.continuation
    }
}
