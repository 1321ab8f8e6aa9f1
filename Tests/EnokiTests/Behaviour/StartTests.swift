import EnokiTestSupport
import EnokiTesting
import Testing

@testable import Enoki

/// How the services of one process start.
@Suite(.timeLimit(.minutes(5))) struct StartTests {
    /// Says something when it starts, and each second.
    private struct Eager: Microservice {
        static let name = "press"
        let events = EventDispatcher()
        let said = Shelf<String>()
        var dependencies: [any DependencyProvider] { [events] }
        var entrypoints: [any Entrypoint] {
            Once("announce") { try await say("once") }
            Timer("repeat", every: .seconds(1), eager: true) { try await say("tick") }
        }

        func say(_ title: String) async throws {
            self.said.put(title)
            try await self.events.dispatch(Published(title: title))
        }
    }

    /// Takes its time to start, as one does that opens a file or a connection.
    private struct Late: Microservice {
        static let name = "late"
        let opening = Opening()
        let seen = Shelf<String>()
        var dependencies: [any DependencyProvider] { [opening] }
        var entrypoints: [any Entrypoint] {
            EventHandler("on_published") { (event: Published) in seen.put(event.title) }
        }
    }

    private final class Opening: DependencyProvider {
        let gate = Latch()

        func setup(_ container: ServiceContainer) async throws { await self.gate.wait() }
    }

    /// Runs `services` in one process, and `body` beside them.
    private func withHost(
        of services: [any Microservice],
        logger: LogRecorder = LogRecorder(),
        _ body: (ServiceHost, VirtualClock, inout ThrowingTaskGroup<Void, any Error>) async throws -> Void
    ) async throws {
        let clock = VirtualClock()
        try await withTaskExecutorPreference(clock.executor) {
            let server = InProcessBroker(clock: clock, logger: TestBroker.silent)
            let host = try ServiceHost(broker: server, services: services, clock: clock, logger: logger.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.run() }
                try await body(host, clock, &group)
                host.stop()
                try await group.waitForAll()
            }
        }
    }

    @Test func whatBeginsByItselfFindsTheQueuesOfAllServicesOfItsProcess() async throws {
        let late = Late()
        try await self.withHost(of: [Eager(), late]) { host, clock, _ in
            try await eventually("the first has started") { host.containers[0].isStarted }
            await clock.advance(by: .seconds(10))
            late.opening.gate.open()
            try await host.waitUntilStarted()
            await clock.advance(by: .zero)
            #expect(late.seen.elements.sorted() == ["once", "tick"])
            await clock.advance(by: .seconds(2))
            #expect(late.seen.elements.sorted() == ["once", "tick", "tick", "tick"])
        }
    }

    @Test func whoIsWaitedForIsNamed() async throws {
        let (late, log) = (Late(), LogRecorder())
        try await self.withHost(of: [Eager(), late], logger: log) { host, clock, _ in
            func line() -> LogRecorder.Entry? {
                log.entries.first {
                    $0.message == "timers and `Once` wait: not all services of the process have started"
                }
            }
            try await eventually("the first has started") { host.containers[0].isStarted }
            await clock.advance(by: .seconds(29))
            #expect(line() == nil)
            await clock.advance(by: .seconds(1))
            #expect(line()?.metadata["services"] == "[\"late\"]")
            late.opening.gate.open()
            try await host.waitUntilStarted()
        }
    }

    @Test func nothingBeginsByItselfInAProcessThatStopsBeforeAllHaveStarted() async throws {
        let (eager, late) = (Eager(), Late())
        try await self.withHost(of: [eager, late]) { host, clock, _ in
            try await eventually("the first has started") { host.containers[0].isStarted }
            await clock.advance(by: .seconds(5))
            host.stop()
            late.opening.gate.open()
        }
        #expect(eager.said.elements == [])
    }

    /// Its own start is all that it waits for.
    @Test func whatBeginsByItselfBeginsInAContainerThatIsMadeLaterToo() async throws {
        let eager = Eager()
        try await self.withHost(of: []) { host, clock, group in
            let container = try ServiceContainer(eager, host: host)
            try await host.waitUntilStarted()
            group.addTask { try await container.run() }
            await clock.advance(by: .seconds(2))
            #expect(eager.said.elements.sorted() == ["once", "tick", "tick", "tick"])
            container.stop()
            await clock.advance(by: .zero)
        }
    }
}
