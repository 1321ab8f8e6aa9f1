import DequeModule
import Logging

/// Stands before the calls of an event handler and keeps them back while its ``KillSwitch`` pauses it.
final class KillSwitchGate: Sendable {
    private typealias Machine = KillSwitch.StateMachine<ObjectIdentifier>

    private struct Waiting {
        let id: ObjectIdentifier
        let job: WorkerPool.Job
        let submit: @Sendable (WorkerPool.Job) -> Void
    }

    private struct State {
        var machine: Machine
        /// Those whose turn came in a pause: they go before those that only wait.
        var turnedBack: Deque<Waiting> = []
        var waiting: Deque<Waiting> = []
        var isClosed = false
    }

    private let state: Locked<State>
    private let timers: TimerQueue
    private let logger: Logger

    /// - Parameter entrypoint: The name of the event handler, for the log.
    init(_ killSwitch: KillSwitch, entrypoint: String, timers: TimerQueue, logger: Logger) {
        self.state = Locked(State(machine: Machine(killSwitch)))
        self.timers = timers
        var logger = logger
        logger[metadataKey: LoggingKeys.entrypoint] = "\(entrypoint)"
        self.logger = logger
    }

    /// Submits the job of a delivery, now or when calls may begin again. Each that is submitted is to end here, by running or by
    /// ``ended(_:failed:)``. It is asked once more when its turn has come, since a pause may have begun while it waited for a worker,
    /// and may be submitted again then.
    ///
    /// - Parameters:
    ///   - turnedBack: Called of a delivery that may not begin though its turn has come, before it is submitted again.
    ///   - putOff: Asked of a delivery that would have to wait: whether it does not, and is settled.
    func submit(
        _ job: WorkerPool.Job,
        for token: DeliveryToken,
        turnedBack: @escaping @Sendable () -> Void,
        unless putOff: @escaping @Sendable () -> Bool,
        _ submit: @escaping @Sendable (WorkerPool.Job) -> Void
    ) {
        self.submit(job, ObjectIdentifier(token), isTurnedBack: false, turnedBack, unless: putOff, submit)
    }

    private func submit(
        _ job: WorkerPool.Job,
        _ id: ObjectIdentifier,
        isTurnedBack: Bool,
        _ turnedBack: @escaping @Sendable () -> Void,
        unless putOff: @escaping @Sendable () -> Bool,
        _ submit: @escaping @Sendable (WorkerPool.Job) -> Void
    ) {
        let gated = WorkerPool.Job(
            run: {
                guard self.state.withLock({ $0.machine.begin(id) }) else {
                    turnedBack()
                    return self.submit(job, id, isTurnedBack: true, turnedBack, unless: putOff, submit)
                }
                await job.run()
                // One that was not called, or was cancelled, says nothing.
                self.ended(id, failed: nil)
            },
            discard: job.discard
        )
        func begin(or refused: (inout State) -> Void) -> (@Sendable () -> Void)? {
            self.state.withLock { state in
                if state.isClosed { return gated.discard }
                if state.machine.begin(id) { return { submit(gated) } }
                refused(&state)
                return nil
            }
        }
        if let action = begin(or: { _ in }) { return action() }
        if putOff() { return }
        let action = begin { state in
            let waiting = Waiting(id: id, job: gated, submit: submit)
            if isTurnedBack { state.turnedBack.append(waiting) } else { state.waiting.append(waiting) }
        }
        action?()
    }

    /// The call of a delivery has ended; `nil` where that says nothing, or no call was made.
    func ended(_ token: DeliveryToken, failed: Bool?) { self.ended(ObjectIdentifier(token), failed: failed) }

    /// Gives back what waits.
    func close() {
        let waiting = self.state.withLock { state in
            state.isClosed = true
            defer { (state.turnedBack, state.waiting) = ([], []) }
            return state.turnedBack + state.waiting
        }
        for waiting in waiting { waiting.job.discard() }
    }

    private func ended(_ id: ObjectIdentifier, failed: Bool?) {
        let now = self.timers.now
        let (action, free) = self.state.withLock { state -> (Machine.Action, [Waiting]) in
            let action = state.machine.ended(id, failed: failed, at: now)
            return (action, Self.takeFree(&state))
        }
        switch action {
        case .none, .tryNext: break
        case .goOn: self.logger.notice("a call has succeeded: it takes messages again")
        case .pause(let pause, let failures, let calls):
            self.logger.warning(
                "most calls fail: it takes no messages for a while, which wait in the queue",
                metadata: ["failed": "\(failures) of \(calls)", "pause": "\(pause)"]
            )
            self.timers.schedule(after: pause) { self.pauseEnded() }
        case .pauseAgain(let pause):
            self.logger.warning(
                "the call that was tried has failed: it goes on taking no messages for a while",
                metadata: ["pause": "\(pause)"]
            )
            self.timers.schedule(after: pause) { self.pauseEnded() }
        }
        for waiting in free { waiting.submit(waiting.job) }
    }

    private func pauseEnded() {
        let free = self.state.withLock { state in
            state.machine.pauseEnded()
            return Self.takeFree(&state)
        }
        for waiting in free { waiting.submit(waiting.job) }
    }

    /// Those that may begin now.
    private static func takeFree(_ state: inout State) -> [Waiting] {
        var free: [Waiting] = []
        while let next = state.turnedBack.first ?? state.waiting.first, state.machine.begin(next.id) {
            free.append(next)
            if state.turnedBack.popFirst() == nil { state.waiting.removeFirst() }
        }
        return free
    }
}
