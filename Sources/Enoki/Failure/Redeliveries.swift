/// The deliveries of one queue that this process holds, or has held a while ago: a message that comes again is recognised.
///
/// When the connection is lost while a call runs, the broker delivers its message again. That delivery joins the call: it
/// takes no worker, and the outcome settles it in place of the one whose channel is gone. If the call has ended a moment ago, the
/// message is settled as it was. Only deliveries that the broker marks as redelivered are compared: a message that a
/// publisher has sent twice is two messages.
final class Redeliveries: Sendable {
    /// Where a delivery comes from.
    enum Origin: Sendable, Hashable {
        /// From its publisher: nobody had it before.
        case first
        /// From this process, which has given it back or lost it with a channel, perhaps on its way.
        case ours
        /// From somebody else who had it and did not settle it: a process that died, or gave it back.
        case others
    }

    /// What a delivery is.
    enum Arrival {
        /// To be worked on. It settles the newest delivery of its message.
        case toWork(Delivery, Origin)
        /// That of a call which is under way.
        case joined
        /// That of a call which has ended; it is settled.
        case settled
    }

    private let machine: Locked<StateMachine>
    private let now: @Sendable () -> Duration

    /// - Parameters:
    ///   - prefetch: How many deliveries may be unsettled at once: so many answers can be lost with a channel.
    ///   - now: The time, by the clock of the process.
    init(prefetch: Int, now: @escaping @Sendable () -> Duration) {
        self.now = now
        self.machine = Locked(StateMachine(capacity: max(prefetch, Self.leastRemembered), prefetch: prefetch))
    }

    /// How many calls are remembered at least that have ended: their messages may come late.
    private static let leastRemembered = 1_000

    /// Takes a delivery from the broker.
    func take(_ delivery: Delivery) -> Arrival {
        guard let identity = MessageIdentity(delivery) else {
            return .toWork(delivery, delivery.redelivered ? .others : .first)
        }
        let token = delivery.token
        let now = self.now()
        let (arrival, forgotten) = self.machine.withLock { machine in
            (machine.arrive(identity, token, redelivered: delivery.redelivered, at: now), machine.forgetOldest())
        }
        defer { withExtendedLifetime(forgotten) {} }
        switch arrival {
        case .toWork(let number, let origin):
            return .toWork(delivery.with(self.token(identity, number)), origin)
        case .joins(let waiting):
            for action in waiting { action() }
            return .joined
        case .isDone(let answer):
            token.settle(answer)
            return .settled
        }
    }

    /// The right to settle whatever delivery of the message is the newest.
    private func token(_ identity: MessageIdentity, _ number: StateMachine.Number) -> DeliveryToken {
        // Weakly, since what waits here holds such a token. Without this object the queue is consumed no more.
        DeliveryToken(
            loss: { [weak self] in self.map { $0.machine.withLock { $0.loss(identity, number) } } ?? .returned },
            whenHeldAgain: { [weak self] in self?.wait(identity, number, $0) },
            { [weak self] in self?.settle(identity, number, $0) }
        )
    }

    private func settle(_ identity: MessageIdentity, _ number: StateMachine.Number, _ answer: Acknowledgement) {
        let now = self.now()
        let (token, forgotten) = self.machine.withLock { machine in
            (machine.settle(identity, number, answer, at: now), machine.forgetOldest())
        }
        token?.settle(answer)
        withExtendedLifetime(forgotten) {}
    }

    private func wait(
        _ identity: MessageIdentity,
        _ number: StateMachine.Number,
        _ action: @escaping StateMachine.Action
    ) {
        let (isHeld, forgotten) = self.machine.withLock { ($0.wait(identity, number, action), $0.forgetOldest()) }
        if isHeld { action() }
        withExtendedLifetime(forgotten) {}
    }
}

extension Delivery {
    /// The same delivery with another way to settle it.
    fileprivate func with(_ token: DeliveryToken) -> Delivery {
        Delivery(
            message: self.message,
            exchange: self.exchange,
            routingKey: self.routingKey,
            redelivered: self.redelivered,
            token: token
        )
    }
}
