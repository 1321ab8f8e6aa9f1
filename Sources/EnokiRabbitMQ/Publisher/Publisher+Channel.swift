import EnokiBroker
import Logging

/// What the I/O thread tells the publisher: of its connection, of its channel, and of its messages.
extension Publisher {
    var isIdle: Bool { self.state.withLock { $0.ring.isIdle } }

    func connectionOpened(_ session: Session) {
        self.state.withLock { $0.session = session }
        self.openChannel(session)
    }

    private func openChannel(_ session: Session) {
        let deadline = ContinuousClock.Instant.deadline(after: self.connection.configuration.callTimeout)
        let channel: Channel
        do throws(BrokerError) {
            channel = try session.openChannel(for: self, deadline: deadline)
        } catch {
            return session.abort(error)
        }
        self.state.withLock { $0.opening = channel }
        channel.call(.confirmSelect, deadline: deadline) { result in
            switch result {
            case .success:
                self.change { state in
                    state.opening = nil
                    state.channel = channel
                    state.isNew = true
                }
                self.timers.schedule(after: Self.timeToBeNew) { self.endBeingNew(channel) }
                self.report(.up)
            case .failure(let error):
                // On a session that is over already this changes nothing.
                session.abort(error)
            }
        }
    }

    private func endBeingNew(_ channel: Channel) {
        self.change { state in
            guard state.channel === channel else { return }
            state.isNew = false
            state.suspects = 0
        }
    }

    func connectionLost(_ error: BrokerError) {
        self.state.withLock { state in
            state.session = nil
            state.opening = nil
            state.channel = nil
            state.reason = "not connected: \(error.message)"
            state.holds[.blocked] = nil
        }
    }

    func connectionBlocked(_ reason: String?) {
        if let reason {
            let obstacle = "the broker takes no messages (connection.blocked): \(reason)"
            self.state.withLock { $0.holds[.blocked] = obstacle }
            self.connection.logger.warning("the broker takes no messages: \(reason)")
            self.report(.blocked(reason))
        } else {
            self.connection.logger.info("the broker takes messages again")
            self.report(.up)
            self.change { $0.holds[.blocked] = nil }
            self.keepUp()
        }
    }

    func connectionDrained() {
        self.change { _ in }
        self.keepUp()
    }

    /// Replaces a channel that could not be replaced when its last message was given up.
    private func keepUp() {
        let (channel, upkeep) = self.state.withLock { state in
            (state.channel, state.channel == nil ? .none : Self.keepUp(&state, didWait: false))
        }
        if let channel { self.keepUp(channel, upkeep) }
    }

    func channel(_ channel: Channel, received method: IncomingMethod) {
        var completions: [ConfirmRing.Completion] = []
        let (late, upkeep) = self.state.withLock { state -> (Int, Upkeep) in
            // An answer on a channel that was replaced is one that nobody waits for.
            guard state.channel === channel else { return (1, .none) }
            let lateBefore = state.ring.lateAnswers
            let didWait = state.waitsForConfirms
            let unanswered = state.ring.unanswered
            switch method {
            case .acknowledged(let tag, let multiple):
                state.ring.settle(tag: tag, multiple: multiple, refused: false, into: &completions)
            case .refused(let tag, let multiple):
                state.ring.settle(tag: tag, multiple: multiple, refused: true, into: &completions)
            default: break
            }
            state.suspects = max(0, state.suspects - (unanswered - state.ring.unanswered))
            return (state.ring.lateAnswers - lateBefore, Self.keepUp(&state, didWait: didWait))
        }
        if late > 0 {
            self.connection.logger.info("the broker has answered after its messages' publishers had given up")
        }
        self.keepUp(channel, upkeep)
        Self.tell(completions)
    }

    /// What a channel needs on which the broker owes answers.
    private enum Upkeep {
        case none
        /// Another one on that session.
        case replace(Session)
        /// Those that wait can be sent again.
        case goOn
    }

    /// Gives up a channel on which the broker owes answers that nobody waits for any more: they would take places of those that
    /// may be unconfirmed.
    private static func keepUp(_ state: inout State, didWait: Bool) -> Upkeep {
        // A broker that takes no messages for a while answers when it does again, and owes no answer to what it has not got.
        if state.ring.isSpent(at: .now), !state.isEnded, state.holds[.blocked] == nil, let session = state.session,
            let channel = state.channel, channel.outbox.isDrained
        {
            state.channel = nil
            state.ring.reset()
            state.reason = "the channel is replaced, since the broker left a message without an answer"
            return .replace(session)
        }
        return didWait && state.canSend ? .goOn : .none
    }

    private func keepUp(_ channel: Channel, _ upkeep: Upkeep) {
        switch upkeep {
        case .none: break
        case .goOn: self.change { _ in }
        case .replace(let session): self.replace(channel, on: session)
        }
    }

    private func replace(_ channel: Channel, on session: Session) {
        self.connection.logger.warning("a confirm did not come in time; opening another channel to publish on")
        session.close(channel, deadline: .deadline(after: self.connection.configuration.callTimeout))
        self.openChannel(session)
    }

    func channel(_ channel: Channel, received content: Content) {
        guard case .returned(let reason) = content.origin else { return }
        let properties = try? content.message.get().properties
        self.state.withLock { state in
            if state.channel === channel { state.ring.returned(reason, properties) }
        }
    }

    func channel(_ channel: Channel, closedWith closure: IncomingMethod.Closure, unanswered: [Call]) {
        // A user without the right to publish loses a channel with each message.
        let count = self.state.withLock { $0.complaints.note(closure.text, at: .now) }
        self.connection.logger.log(
            level: Complaints.isDoubled(count) ? .error : .debug,
            "the broker closed the publishing channel: \(closure.text); opening another"
        )
        if let exchange = closure.missingExchange {
            // Before the others are sent again: they may need it too.
            self.topology.withLock { $0.host }?.exchangeIsMissing(exchange)
        }
        let (session, completions) = self.state.withLock { state -> (Session?, [ConfirmRing.Completion]) in
            // One that was replaced already has its successor.
            guard state.channel === channel || state.opening === channel else { return (nil, []) }
            var completions: [ConfirmRing.Completion] = []
            state.opening = nil
            if state.channel === channel {
                state.channel = nil
                state.reason = "the broker closed the channel: \(closure.text)"
                state.suspects = max(0, state.suspects - state.ring.unanswered) + state.ring.suspects(of: closure)
                completions = Self.requeue(state.ring.close(closure), &state)
                state.ring.reset()
            }
            return (state.session, completions)
        }
        for call in unanswered { call.complete?(.failure(BrokerError(closure, during: call.method))) }
        if let session { self.openChannel(session) }
        self.expireWaiting()
        Self.tell(completions)
    }

    func channel(_ channel: Channel, lostWith error: BrokerError) {
        let completions = self.state.withLock { state -> [ConfirmRing.Completion] in
            guard state.channel === channel else { return [] }
            state.channel = nil
            state.reason = "not connected: \(error.message)"
            state.suspects = 0
            let completions = state.ring.lose(error, neverLeft: channel.outbox.neverTook)
            state.ring.reset()
            return Self.requeue(completions, &state)
        }
        // Those that wait again may be the first to wait.
        self.expireWaiting()
        Self.tell(completions)
    }

    func channel(_ channel: Channel, expireAt now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        var completions: [ConfirmRing.Completion] = []
        let (next, upkeep) = self.state.withLock { state -> (ContinuousClock.Instant?, Upkeep) in
            guard state.channel === channel else { return (nil, .none) }
            let didWait = state.waitsForConfirms
            var next = state.ring.expire(at: now, withdraw: channel.outbox.withdraw, into: &completions)
            // It is replaced when its last octets have left.
            if state.ring.isSpent(at: now), !channel.outbox.isDrained { next = now + .seconds(1) }
            return (next, Self.keepUp(&state, didWait: didWait))
        }
        self.keepUp(channel, upkeep)
        Self.tell(completions)
        return next
    }
}
