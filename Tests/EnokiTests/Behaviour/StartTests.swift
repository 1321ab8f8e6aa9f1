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
        var dependencies: [any DependencyProvider] { [events] }
        var entrypoints: [any Entrypoint] {
            Once("announce") { try await events.dispatch(Published(title: "once")) }
            Timer("repeat", every: .seconds(1), eager: true) { try await events.dispatch(Published(title: "tick")) }
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

    @Test func whatBeginsByItselfFindsTheQueuesOfAllServicesOfItsProcess() async throws {
        let clock = VirtualClock()
        let late = Late()
        try await withTaskExecutorPreference(clock.executor) {
            let server = InProcessBroker(clock: clock, logger: TestBroker.silent)
            let host = try ServiceHost(
                broker: server,
                services: [Eager(), late],
                clock: clock,
                logger: TestBroker.silent
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.run() }
                try await eventually("the first has started") { host.containers[0].isStarted }
                await clock.advance(by: .seconds(10))
                late.opening.gate.open()
                try await host.waitUntilStarted()
                await clock.advance(by: .zero)
                #expect(late.seen.elements.sorted() == ["once", "tick"])
                await clock.advance(by: .seconds(2))
                #expect(late.seen.elements.sorted() == ["once", "tick", "tick", "tick"])
                host.stop()
                try await group.waitForAll()
            }
        }
    }

    @Test func nothingBeginsByItselfInAProcessThatStopsBeforeAllHaveStarted() async throws {
        let clock = VirtualClock()
        let late = Late()
        try await withTaskExecutorPreference(clock.executor) {
            let server = InProcessBroker(clock: clock, logger: TestBroker.silent)
            let host = try ServiceHost(
                broker: server,
                services: [Eager(), late],
                clock: clock,
                logger: TestBroker.silent
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.run() }
                try await eventually("the first has started") { host.containers[0].isStarted }
                host.stop()
                late.opening.gate.open()
                try await group.waitForAll()
            }
            #expect(late.seen.elements == [])
        }
    }
}
