import EnokiBroker
import Logging

/// What all connections of an in-process broker share: the virtual host behind one lock, and the task that calls its
/// consumers.
///
/// Inputs run on their callers' threads, one at a time. Consumers are called by the task of ``run()`` alone, outside the
/// lock, so that a consumer may publish and settle as it likes: what follows from that waits in the outbox.
final class BrokerServer: Sendable {
    /// What is behind the lock.
    struct State {
        var isRunning = false
        var isClosed = false
        var virtualHost = VirtualHost()
        var outbox = Outbox()
        var handlers: [ConsumerID: @Sendable (Delivery) -> Void] = [:]
        /// The one timer that a queue can have.
        var timers: [QueueID: TimerQueue.ID] = [:]
        /// Those who wait until the running call of a consumer has returned.
        var waiters: [ConsumerID: [CheckedContinuation<Void, Never>]] = [:]
        var statuses: [ConnectionID: BrokerStatusBoard] = [:]
    }

    let state = Locked(State())
    let timers: TimerQueue
    let confirms = ConfirmQueue()
    let wakeUp = Signal()
    let logger: Logger

    init(clock: some Clock<Duration>, logger: Logger) {
        self.timers = TimerQueue(clock: clock)
        self.logger = logger
    }

    /// Calls consumers and fires timers until the task is cancelled, then closes all connections.
    func run() async throws(BrokerError) {
        let (isFirst, isClosed) = self.state.withLock { state in
            defer { state.isRunning = true }
            return (!state.isRunning, state.isClosed)
        }
        guard !isClosed else { throw .brokerClosed }
        guard isFirst else {
            throw BrokerError(.invalidArgument, "The in-process broker runs already: it has one owner, who runs it.")
        }
        await withTaskGroup { group in
            group.addTask { await self.timers.run() }
            await self.deliver()
            group.cancelAll()
        }
        self.close()
    }

    private func deliver() async {
        while !Task.isCancelled {
            var count = 0
            while !Task.isCancelled, self.deliverNext() {
                count += 1
                // A busy broker shares its thread with those whom it calls.
                if count.isMultiple(of: 64) { await Task.yield() }
            }
            await self.wakeUp.wait()
        }
    }

    /// - Returns: Whether there was something to deliver.
    private func deliverNext() -> Bool {
        let next = self.state.withLock { state in
            state.outbox.next().map { (handover: $0, handler: state.handlers[$0.consumer]) }
        }
        guard let next else { return false }
        next.handler?(self.delivery(of: next.handover))
        let waiters = self.state.withLock { state in
            state.outbox.finish()
            return state.waiters.removeValue(forKey: next.handover.consumer) ?? []
        }
        for waiter in waiters { waiter.resume() }
        return true
    }

    private func delivery(of handover: Effects.Handover) -> Delivery {
        let published = handover.message.published
        return Delivery(
            message: published.message,
            exchange: published.exchange,
            routingKey: published.routingKey,
            redelivered: handover.message.redelivered,
            token: DeliveryToken { self.settle(handover, with: $0) }
        )
    }

    private func close() {
        // What was there is released outside the lock: the handlers are users' code.
        let former = self.state.withLock { state in
            let former = state
            state = State()
            state.isClosed = true
            return former
        }
        for timer in former.timers.values { self.timers.cancel(timer) }
        for status in former.statuses.values { status.update(.closed) }
        for waiter in former.waiters.values.joined() { waiter.resume() }
        self.logger.debug("In-process broker closed", metadata: ["connections": "\(former.statuses.count)"])
    }
}
