import EnokiBroker

/// What a channel is for; told on the I/O thread, and must not block it.
protocol ChannelUser: AnyObject, Sendable {
    /// A method that answers no call: a confirm, or the end of a consumer.
    func channel(_ channel: Channel, received method: IncomingMethod)
    /// A message.
    func channel(_ channel: Channel, received content: Content)
    /// The broker has closed the channel with an error; nothing may be sent on it any more. `unanswered` are the calls
    /// that it has not answered, in order.
    func channel(_ channel: Channel, closedWith closure: IncomingMethod.Closure, unanswered: [Call])
    /// The session is over. Calls were told already.
    func channel(_ channel: Channel, lostWith error: BrokerError)
    /// Fails what is overdue and tells when to look again.
    func channel(_ channel: Channel, expireAt now: ContinuousClock.Instant) -> ContinuousClock.Instant?
}

extension ChannelUser {
    func channel(_ channel: Channel, received method: IncomingMethod) {}
    func channel(_ channel: Channel, received content: Content) {}
    func channel(_ channel: Channel, lostWith error: BrokerError) {}
    func channel(_ channel: Channel, expireAt now: ContinuousClock.Instant) -> ContinuousClock.Instant? { nil }
}

/// A channel of one session. It is opened once and closed once: what comes after is another object, so that nothing of
/// an old channel, such as a delivery tag, can be used on a new one.
final class Channel: Sendable {
    private struct State {
        var calls = CallQueue()
        private(set) var loss: DeliveryToken.Loss?
        /// Whether the broker has told that the queue of its consumer is gone.
        var isQueueLost = false

        var isOpen: Bool { self.loss == nil }

        mutating func end(_ loss: DeliveryToken.Loss) { self.loss = self.isQueueLost ? .uncertain : loss }
    }

    let number: UInt16
    let outbox: Outbox
    let user: any ChannelUser
    private let state = Locked(State())

    init(number: UInt16, outbox: Outbox, user: any ChannelUser) {
        self.number = number
        self.outbox = outbox
        self.user = user
    }

    /// Whether methods can be sent.
    var isOpen: Bool { self.state.withLock { $0.isOpen } }

    /// Why no methods can be sent; `nil` while they can.
    var loss: DeliveryToken.Loss? { self.state.withLock { $0.loss } }

    /// The broker has cancelled the consumer: what is unsettled is in the queue again, or gone with it.
    func noteLostQueue() { self.state.withLock { $0.isQueueLost = true } }

    /// Sends a method and tells `complete` the answer, on the I/O thread, or the failure.
    func call(
        _ method: Method,
        deadline: ContinuousClock.Instant,
        complete: @escaping @Sendable (Result<IncomingMethod.Reply, BrokerError>) -> Void
    ) {
        if let failure = self.send(method, deadline: deadline, complete: complete) { complete(.failure(failure)) }
    }

    /// Sends a method and tells `complete` the answer, on the I/O thread.
    ///
    /// - Returns: Why it cannot be sent, which `complete` is not told.
    func send(
        _ method: Method,
        deadline: ContinuousClock.Instant,
        complete: @escaping @Sendable (Result<IncomingMethod.Reply, BrokerError>) -> Void
    ) -> BrokerError? {
        self.state.withLock { state -> BrokerError? in
            guard state.isOpen else { return Self.gone }
            // Under the lock: the order of the calls is the order on the wire.
            switch self.outbox.append(method, channel: self.number, deadline: deadline) {
            case .accepted:
                state.calls.append(Call(method: method, deadline: deadline, complete: complete))
                if case .channelClose = method { state.end(.returned) }
                return nil
            case .closed, .full: return Self.gone
            case .invalid(let status):
                return BrokerError(
                    .invalidArgument,
                    "\(method): it cannot be encoded (\(LibraryStatus.describe(status)))"
                )
            }
        }
    }

    /// Sends a method that has no answer, if the channel is open.
    @discardableResult
    func send(_ method: Method) -> Bool {
        self.state.withLock { state in
            guard state.isOpen, case .accepted = self.outbox.append(method, channel: self.number) else { return false }
            return true
        }
    }

    private static let closedBefore = BrokerError(
        .connectionLost,
        "the channel was closed before the broker had answered"
    )
    private static let gone = BrokerError(.connectionLost, "the connection to the broker was lost")

    // MARK: - Told by the I/O thread

    /// An answer came.
    ///
    /// - Returns: Whether it was awaited.
    func answered(_ id: UInt32, _ reply: IncomingMethod.Reply) -> Bool {
        let (unanswered, call) = self.state.withLock { state in
            let unanswered = id == Method.channelClose.reply ? state.calls.removeAllBeforeClose() : []
            return (unanswered, state.calls.answer(id))
        }
        for call in unanswered { call.complete?(.failure(Self.closedBefore)) }
        guard let call else { return false }
        call.complete?(.success(reply))
        return true
    }

    /// The broker has closed the channel. When this returns nothing more is sent on it, and it can be answered.
    ///
    /// - Returns: Whether its number is free then. With a close of our own under way it is free only when the broker has answered
    ///   that.
    func closed(_ closure: IncomingMethod.Closure) -> Bool {
        let (calls, isFree) = self.state.withLock { state in
            state.end(.returned)
            return (state.calls.removeAllButClose(), state.calls.isEmpty)
        }
        self.user.channel(self, closedWith: closure, unanswered: calls)
        return isFree
    }

    /// The session is over.
    func lost(_ error: BrokerError) {
        let calls = self.state.withLock { state in
            state.end(.uncertain)
            return state.calls.removeAll()
        }
        for call in calls { call.complete?(.failure(error)) }
        self.user.channel(self, lostWith: error)
    }

    /// Fails what is overdue and tells when to look again, and whether the broker's answers are not to be trusted any more.
    func expire(at now: ContinuousClock.Instant) -> (next: ContinuousClock.Instant?, isOutOfStep: Bool) {
        let (expired, next) = self.state.withLock { $0.calls.expire(at: now) }
        for call in expired {
            call.complete?(.failure(BrokerError(.timedOut, "no answer from the broker to \(call.method)")))
        }
        let other = self.user.channel(self, expireAt: now)
        return ([next, other].compactMap(\.self).min(), expired.contains(where: \.isBehindLateAnswer))
    }
}
