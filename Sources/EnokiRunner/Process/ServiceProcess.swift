import Enoki
import EnokiBroker
import Logging
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs a host until it is stopped by a signal or by an error, and does what ``ShutdownPlan`` says.
struct ServiceProcess: Sendable {
    let host: ServiceHost
    let settings: ServiceSettings
    let logger: Logger

    /// Returns after a graceful stop.
    ///
    /// - Parameters:
    ///   - announce: Called when signals are heeded, before the services start.
    ///   - whenStarted: Called when all services have started, and cancelled when they stop.
    /// - Throws: ``ServiceFailure`` with the first error, or ``ProcessKilled``.
    func run(announce: () -> Void, whenStarted: @escaping @Sendable () async -> Void) async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: self.host, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: self.logger
            )
        )
        let (events, input) = AsyncStream.makeStream(of: ShutdownPlan.Event.self)
        // Trapped before the services start, so that no signal meets the default action once they have.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let timers = TimerQueue(clock: ContinuousClock())
        let killed = Latch()
        announce()

        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { for await signal in signals { input.yield(.signal(signal, at: timers.now)) } }
            tasks.addTask { await timers.run() }
            tasks.addTask {
                // Why they have not started, where they have not, is what the group throws.
                if (try? await self.host.waitUntilStarted()) != nil { await whenStarted() }
            }
            tasks.addTask {
                await self.host.waitUntilStopping()
                input.yield(.stopsByItself)
            }
            tasks.addTask { await self.follow(events, input, group, timers, killed) }
            defer { tasks.cancelAll() }
            try await Self.run(group, until: killed)
        }
    }

    private static func run(_ group: ServiceGroup, until killed: Latch) async throws {
        let result: Result<Void, any Error> = await withTaskGroup(of: Result<Void, any Error>?.self) { tasks in
            tasks.addTask {
                do {
                    try await group.run()
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            tasks.addTask {
                await killed.wait()
                return nil
            }
            while let result = await tasks.next() {
                tasks.cancelAll()
                if let result { return result }
            }
            return .success(())
        }
        guard !killed.isOpen else { throw ProcessKilled() }
        do { try result.get() } catch { throw ServiceFailure(cause: error) }
    }

    private func follow(
        _ events: AsyncStream<ShutdownPlan.Event>,
        _ input: AsyncStream<ShutdownPlan.Event>.Continuation,
        _ group: ServiceGroup,
        _ timers: TimerQueue,
        _ killed: Latch
    ) async {
        var plan = ShutdownPlan(grace: self.settings.shutdownGrace)
        var deadline: TimerQueue.ID?
        for await event in events {
            let time: Duration
            switch plan.handle(event) {
            case .none:
                continue
            case .stop(let within):
                if case .signal = event { self.logger.info("stops; a second signal kills") }
                await group.triggerGracefulShutdown()
                time = within
            case .kill(let within):
                self.logger.warning("kills the calls in work")
                killed.open()
                time = within
            case .exit(let status):
                let names = self.host.entrypointsInWork
                self.logger.critical(
                    "gives up waiting for calls that ignore their cancellation",
                    metadata: ["entrypoints": "\(names.isEmpty ? "none" : names.joined(separator: " "))"]
                )
                // Other threads are at work: what `exit` would tear down is still in use.
                _exit(status.code)
            }
            if let deadline { timers.cancel(deadline) }
            deadline = timers.schedule(after: time) { input.yield(.deadlinePassed) }
        }
    }
}
