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

/// Runs a host until it is stopped by a signal or by an error, under a ``ShutdownWarden``.
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
        let (stopped, killed) = (Latch(), Latch())
        let warden = ShutdownWarden(
            ShutdownPlan(grace: self.settings.shutdownGrace),
            ShutdownWarden.Process(
                stop: { stopped.open() },
                kill: { killed.open() },
                // Other threads are at work: what `exit` would tear down is still in use.
                exit: { _exit($0.code) },
                entrypointsInWork: { [host] in host.entrypointsInWork }
            ),
            logger: self.logger
        )
        // Trapped before the services start, so that no signal meets the default action once they have.
        await warden.trap([.sigterm, .sigint])
        defer { warden.end() }
        self.host.whenStopping { warden.handle(.stopsByItself) }
        announce()

        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                // Why they have not started, where they have not, is what the group throws.
                if (try? await self.host.waitUntilStarted()) != nil { await whenStarted() }
            }
            tasks.addTask {
                await stopped.wait()
                if stopped.isOpen { await group.triggerGracefulShutdown() }
            }
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
}
