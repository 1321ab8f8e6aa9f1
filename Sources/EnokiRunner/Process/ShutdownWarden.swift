@preconcurrency import Dispatch
import EnokiBroker
import Logging
import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Takes signals and deadlines, and does what ``ShutdownPlan`` says.
///
/// It lives on threads of Dispatch: calls that block all threads of Swift's cooperative pool cannot keep their process alive. Its lines
/// of the log another thread writes, for those who read the log may have stopped, and then whoever writes is stuck.
final class ShutdownWarden: Sendable {
    /// What it has done to the process.
    struct Process: Sendable {
        /// Asks the services to stop.
        let stop: @Sendable () -> Void
        /// Cancels their calls.
        let kill: @Sendable () -> Void
        /// Ends the process where it stands.
        let exit: @Sendable (ExitStatus) -> Void
        /// The entrypoints of the calls that still run.
        let entrypointsInWork: @Sendable () -> [String]
    }

    private struct State {
        var plan: ShutdownPlan
        /// The last deadline that was set: the others hold no longer.
        var deadline = 0
        var isOver = false
        var sources: [any DispatchSourceSignal] = []
    }

    private let state: Locked<State>
    private let process: Process
    private let logger: Logger
    private let queue = DispatchQueue(label: "enoki.shutdown")
    private let logQueue = DispatchQueue(label: "enoki.shutdown.log")
    private let origin = ContinuousClock.now

    init(_ plan: ShutdownPlan, _ process: Process, logger: Logger) {
        self.state = Locked(State(plan: plan))
        self.process = process
        self.logger = logger
    }

    /// Returns when `signals` are heeded instead of doing what they do by default.
    func trap(_ signals: [UnixSignal]) async {
        for signal in signals {
            await withCheckedContinuation { continuation in
                #if canImport(Darwin)
                // Its default action would come first.
                Darwin.signal(signal.rawValue, SIG_IGN)
                #endif
                self.state.withLock { state in
                    let source = DispatchSource.makeSignalSource(signal: signal.rawValue, queue: self.queue)
                    source.setEventHandler { self.take(.signal(signal, at: self.origin.duration(to: .now))) }
                    source.setRegistrationHandler { continuation.resume() }
                    state.sources.append(source)
                    source.resume()
                }
            }
        }
    }

    /// Something has happened.
    func handle(_ event: ShutdownPlan.Event) { self.queue.async { self.take(event) } }

    /// Heeds nothing any more.
    func end() {
        let sources = self.state.withLock { state in
            defer { state.sources = [] }
            state.isOver = true
            return state.sources
        }
        for source in sources { source.cancel() }
    }

    // MARK: - On its queue

    /// - Parameter deadline: Which deadline has passed.
    private func take(_ event: ShutdownPlan.Event, deadline: Int? = nil) {
        let action = self.state.withLock { state -> ShutdownPlan.Action in
            guard !state.isOver, deadline == nil || deadline == state.deadline else { return .none }
            return state.plan.handle(event)
        }
        switch action {
        case .none: break
        case .stop(let time):
            self.setDeadline(after: time)
            if case .signal = event { self.logQueue.async { self.logger.info("stops; a second signal kills") } }
            self.process.stop()
        case .kill(let time):
            self.setDeadline(after: time)
            self.logQueue.async { self.logger.warning("kills the calls in work") }
            self.process.kill()
        case .exit(let status):
            self.logQueue.async { self.logEnd() }
            let isWritten = DispatchSemaphore(value: 0)
            self.logQueue.async { isWritten.signal() }
            _ = isWritten.wait(timeout: .now() + Self.timeToWrite)
            self.process.exit(status)
        }
    }

    /// How long the last line may take.
    private static let timeToWrite = DispatchTimeInterval.milliseconds(500)

    private func setDeadline(after time: Duration) {
        let number = self.state.withLock { state in
            state.deadline += 1
            return state.deadline
        }
        self.queue.asyncAfter(deadline: .now() + .milliseconds(Int(clamping: time.wholeMilliseconds))) {
            self.take(.deadlinePassed, deadline: number)
        }
    }

    private func logEnd() {
        let names = self.process.entrypointsInWork()
        guard !names.isEmpty else {
            return self.logger.critical("did not stop in time, though no call is in work: ends all the same")
        }
        self.logger.critical(
            "gives up waiting for calls that ignore their cancellation",
            metadata: ["entrypoints": "\(names.joined(separator: " "))"]
        )
    }
}
