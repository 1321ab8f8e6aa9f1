import Dispatch
import Logging

/// Says in the log when the threads of Swift's cooperative pool are stuck, so that no call goes on, and gives the process up when they
/// are for too long.
///
/// A handler that blocks its thread takes it from all others, and there are only as many as the machine has cores. Nothing runs in
/// the pool then that could notice, so that a thread of its own gives the pool jobs, by the real clock. Another writes the log: the
/// handlers may be stuck because nobody reads it.
final class PoolWatchdog: Sendable {
    private let watch: Locked<PoolWatch>
    private let interval: Duration
    private let job = Signal()
    private let isDone = Locked(true)
    private let end = DispatchSemaphore(value: 0)
    private let calls: @Sendable () -> [WorkerContext]
    private let logQueue = DispatchQueue(label: "enoki.pool-watchdog.log")
    private let logger: Logger

    /// - Parameters:
    ///   - threshold: How long the pool may do nothing before the log says so.
    ///   - limit: How long it may do nothing at all; `nil` is for ever.
    ///   - calls: The calls in work.
    init(
        threshold: Duration,
        limit: Duration?,
        logger: Logger,
        calls: @escaping @Sendable () -> [WorkerContext]
    ) {
        let watch = PoolWatch(threshold: threshold, limit: limit)
        self.watch = Locked(watch)
        self.interval = watch.interval
        self.calls = calls
        self.logger = logger
    }

    /// Watches until the task is cancelled.
    ///
    /// - Parameter giveUp: Called once, on a thread of the watchdog's own, when the pool has done nothing for the limit.
    func run(giveUp: @escaping @Sendable (_ stall: Duration) -> Void) async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.doJobs() }
                await self.runThread(giveUp)
            }
        } onCancel: {
            self.end.signal()
        }
    }

    /// What the pool has to do.
    private func doJobs() async {
        while !Task.isCancelled {
            await self.job.wait()
            self.isDone.withLock { $0 = true }
        }
    }

    private func runThread(_ giveUp: @escaping @Sendable (Duration) -> Void) async {
        await withCheckedContinuation { continuation in
            let isStarted = OwnThread.start(stackSize: Self.stackSize) {
                self.watchOver(giveUp)
                continuation.resume()
            }
            guard !isStarted else { return }
            self.logger.warning("nobody notices when handlers block all threads: the system has no thread left")
            continuation.resume()
        }
    }

    private static let stackSize = 1024 * 1024

    /// Runs on the thread of its own.
    private func watchOver(_ giveUp: (Duration) -> Void) {
        let clock = ContinuousClock()
        let start = clock.now
        while self.end.wait(timeout: .now() + .nanoseconds(Int(self.interval / .nanoseconds(1)))) == .timedOut {
            let isDone = self.isDone.withLock { isDone in
                defer { isDone = false }
                return isDone
            }
            let event = self.watch.withLock { $0.tick(at: start.duration(to: clock.now), isDone: isDone) }
            if isDone { self.job.signal() }
            if case .exceeded(let duration) = event { giveUp(duration) }
            if let event { self.logQueue.async { self.log(event) } }
        }
    }

    private func log(_ event: PoolWatch.Event) {
        switch event {
        case .exceeded(let duration):
            self.logger.error("failed", metadata: [LoggingKeys.error: "\(PoolStalled(duration: duration))"])
        case .stalled(let duration, let number):
            let calls = self.calls()
            var metadata: Logger.Metadata = [
                "stalled_for": .stringConvertible(Duration.milliseconds(duration.wholeMilliseconds)),
                "calls_in_work": .stringConvertible(calls.count),
                LoggingKeys.callIDs: .array(calls.prefix(Self.mostCalls).map { .string($0.callID) }),
            ]
            if let number, number > 1 { metadata["stalls"] = .stringConvertible(number) }
            self.logger.error("all threads are blocked or busy: no call goes on", metadata: metadata)
        case .recovered(let duration):
            self.logger.warning(
                "threads are free again: calls go on",
                metadata: ["stalled_for": .stringConvertible(Duration.milliseconds(duration.wholeMilliseconds))]
            )
        }
    }

    /// How many calls a line names, the oldest first.
    private static let mostCalls = 20
}
