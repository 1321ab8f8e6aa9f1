import EnokiBroker

/// One connection from its login to its end, with its channels.
final class Session: Sendable {
    private struct State {
        var channels: [UInt16: Channel] = [:]
        var free: [UInt16] = []
        var highest: UInt16 = 0
        var timers: [(due: ContinuousClock.Instant, action: @Sendable () -> Void)] = []
        var end: BrokerError?
        var abortion: BrokerError?
    }

    let outbox: Outbox
    /// Where it leads.
    let endpoint: RabbitMQConfiguration.Endpoint
    private let channelMax: UInt16
    private let state = Locked(State())

    init(outbox: Outbox, channelMax: UInt16, endpoint: RabbitMQConfiguration.Endpoint) {
        self.outbox = outbox
        self.channelMax = channelMax == 0 ? .max : channelMax
        self.endpoint = endpoint
    }

    /// Opens a channel. The broker's answer is not waited for: what follows may be sent at once.
    func openChannel(
        for user: any ChannelUser,
        deadline: ContinuousClock.Instant
    ) throws(BrokerError) -> Channel {
        let channel = try self.state.withLock { state throws(BrokerError) in
            if let end = state.end { throw end }
            let number: UInt16
            if let free = state.free.popLast() {
                number = free
            } else {
                guard state.highest < self.channelMax else {
                    throw BrokerError(
                        .invalidArgument,
                        "the broker allows no more than \(self.channelMax) channels a connection"
                    )
                }
                state.highest += 1
                number = state.highest
            }
            let channel = Channel(number: number, outbox: self.outbox, user: user)
            state.channels[number] = channel
            return channel
        }
        channel.call(.channelOpen, deadline: deadline) { _ in }
        return channel
    }

    /// Closes a channel after all that was sent on it. Its number is free when the broker has answered, be that after `deadline`.
    func close(
        _ channel: Channel,
        deadline: ContinuousClock.Instant,
        complete: @escaping @Sendable () -> Void = {}
    ) {
        channel.call(.channelClose, deadline: deadline) { _ in complete() }
    }

    /// Runs `action` on the I/O thread, `delay` from now, if the session lives.
    func schedule(after delay: Duration, _ action: @escaping @Sendable () -> Void) {
        let due = ContinuousClock.now + delay
        self.state.withLock { $0.timers.append((due, action)) }
        self.outbox.watch(due)
    }

    /// Gives the session up, because without what has failed it would be alive but of no use.
    func abort(_ error: BrokerError) {
        self.state.withLock { $0.abortion = error }
        self.outbox.watch(.now)
    }

    /// Why the session was given up; `nil` when it was not.
    var abortion: BrokerError? { self.state.withLock { $0.abortion } }

    /// `error`, where it is an answer of the broker's; on a session that is over every failure comes of its end.
    func attributed(_ error: BrokerError) -> BrokerError {
        let isOver = self.state.withLock { $0.end != nil }
        return isOver && error.code != .closed ? BrokerError(.connectionLost, error.message) : error
    }

    // MARK: - For the I/O thread

    func channel(_ number: UInt16) -> Channel? { self.state.withLock { $0.channels[number] } }

    /// Makes the number of `channel` free.
    func release(_ channel: Channel) {
        self.state.withLock { state in
            guard state.channels[channel.number] === channel else { return }
            state.channels[channel.number] = nil
            state.free.append(channel.number)
        }
    }

    /// Runs timers and fails calls that are due.
    func expire(at now: ContinuousClock.Instant) {
        self.outbox.clearDeadline()
        let (due, channels) = self.state.withLock { state in
            let due = state.timers.filter { $0.due <= now }
            state.timers.removeAll { $0.due <= now }
            return (due, Array(state.channels.values))
        }
        for timer in due { timer.action() }
        var next = self.state.withLock { $0.timers.map(\.due).min() }
        for channel in channels {
            let (deadline, isOutOfStep) = channel.expire(at: now)
            if let deadline { next = min(next ?? deadline, deadline) }
            if isOutOfStep {
                self.abort(BrokerError(.protocolViolation, "the broker has left a call without an answer"))
            }
        }
        if let next { self.outbox.watch(next) }
    }

    /// Ends the session: fails all that waits.
    func end(_ reason: BrokerError) {
        self.outbox.close()
        let (channels, error) = self.state.withLock { state in
            // That we gave it up is no fault of the calls that were under way: the next connection may answer them.
            let error = state.abortion == nil ? reason : BrokerError(.connectionLost, reason.message)
            state.end = error
            defer {
                state.channels = [:]
                state.timers = []
            }
            return (state.channels.values.sorted { $0.number < $1.number }, error)
        }
        for channel in channels { channel.lost(error) }
    }
}
