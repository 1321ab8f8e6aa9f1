/// Calls a method again and again.
///
/// ```swift
/// Timer("expire_stale", every: .seconds(30), expireStale)
/// ```
///
/// With nameko's rules: the first call comes one interval after the start; a call that takes longer than the interval is not
/// overtaken, and the ones it held up follow back to back until the schedule is caught up; an error is logged and the timer
/// goes on. Every instance of the service has its own timer. The start is that of all services of a ``ServiceHost``, so that
/// what a call dispatches finds the queues of all.
public struct Timer: Entrypoint, WithoutArguments {
    /// The name.
    public let name: String

    private let interval: Duration
    private let eager: Bool
    private let limits: CallLimits
    private let method: @Sendable () async throws -> Void

    /// A timer.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - interval: The time between two calls; more than zero.
    ///   - eager: Whether the first call comes at once.
    ///   - timeout: How long a call may take; it is cancelled then, which is logged. `nil` is any time.
    ///   - method: The method.
    public init(
        _ name: String,
        every interval: Duration,
        eager: Bool = false,
        timeout: Duration? = nil,
        _ method: @escaping @Sendable () async throws -> Void
    ) {
        self.name = name
        self.interval = interval
        self.eager = eager
        self.limits = CallLimits(timeout: timeout)
        self.method = method
    }

    /// Checks the interval.
    public func bind(to container: ServiceContainer) throws -> any BoundEntrypoint {
        guard self.interval > .zero else {
            throw ConfigurationError(
                "timer '\(self.name)' of service '\(container.name)' has the interval \(self.interval): give more than zero"
            )
        }
        try self.limits.validate(for: "timer '\(self.name)' of service '\(container.name)'")
        return BoundTimer(timer: self, container: container)
    }

    package func method(for message: Message, _ codecs: Codecs) -> @Sendable () async throws -> any Sendable {
        let method = self.method
        return {
            try await method()
            return NoReply()
        }
    }

    private final class BoundTimer: BoundEntrypoint {
        private let timer: Timer
        private let container: ServiceContainer
        private let isStopped = Locked(false)
        private let wakeUp = Signal()

        init(timer: Timer, container: ServiceContainer) {
            self.timer = timer
            self.container = container
        }

        var summary: EntrypointSummary {
            let trigger = "every \(self.timer.interval)"
            var summary = EntrypointSummary(kind: "Timer", name: self.timer.name, trigger: trigger)
            summary.handling = self.timer.limits.texts.joined(separator: "; ")
            return summary
        }

        func start() async throws {}

        func run() async throws {
            guard await self.container.waitUntilAllHaveStarted() else { return }
            let timers = self.container.process.timers
            var due = timers.now + (self.timer.eager ? .zero : self.timer.interval)
            while true {
                let id = timers.schedule(at: due) { self.wakeUp.signal() }
                await self.wakeUp.wait()
                guard !Task.isCancelled, !self.isStopped.withLock({ $0 }) else { return timers.cancel(id) }
                let method = self.timer.method
                _ = await self.container.spawnWorker(for: self.timer.name, limits: self.timer.limits) {
                    try await method()
                    return NoReply()
                }
                due += self.timer.interval
            }
        }

        func stop() async {
            self.isStopped.withLock { $0 = true }
            self.wakeUp.signal()
        }
    }
}
