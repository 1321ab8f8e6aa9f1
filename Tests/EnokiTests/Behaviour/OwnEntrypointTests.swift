import Enoki
import EnokiTesting
import Testing

/// An entrypoint that an application makes for itself.
@Suite struct OwnEntrypointTests {
    /// Fires once, when the test says so.
    private struct Doorbell: Entrypoint, BoundEntrypoint {
        let name: String
        let rung = Latch()
        let outcomes = Shelf<Outcome>()
        var container: ServiceContainer?
        let method: @Sendable () async throws -> any Sendable

        init(_ name: String, _ method: @escaping @Sendable () async throws -> any Sendable) {
            self.name = name
            self.method = method
        }

        func bind(to container: ServiceContainer) throws -> any BoundEntrypoint {
            var bound = self
            bound.container = container
            return bound
        }

        var summary: EntrypointSummary { EntrypointSummary(kind: "Doorbell", name: self.name, trigger: "a finger") }
        func start() async throws {}
        func stop() async { self.rung.open() }

        func run() async throws {
            await self.rung.wait()
            guard let container = self.container else { return }
            let headers: Headers = ["nameko.user_id": 7, "nameko.call_id_stack": ["door.bell.1"]]
            self.outcomes.put(
                await container.spawnWorker(for: self.name, headers: headers, timeout: .seconds(3), method: self.method)
            )
        }
    }

    private struct House: Microservice {
        static let name = "house"
        let bell: Doorbell
        var entrypoints: [any Entrypoint] { bell }
    }

    @Test func itSpawnsWorkersInTheContextOfItsCaller() async throws {
        let house = House(bell: Doorbell("ring") { 42 })
        try await withServices(house) { cluster in
            let rang = cluster.expect(House.self, "ring")
            house.bell.rung.open()
            let context = try await rang.value().context
            #expect(context.contextData == ["user_id": 7])
            #expect(context.callIDStack == ["door.bell.1", context.callID])
            #expect(context.deadline?.remaining == .seconds(3))
        }
        guard case .succeeded(let value)? = house.bell.outcomes.elements.first else {
            Issue.record("it did not succeed")
            return
        }
        #expect(value as? Int == 42)
    }

    /// Does something when it starts, and something else when it runs.
    private struct Step: Entrypoint, BoundEntrypoint {
        let name: String
        var whenStarting: @Sendable () async -> Void = {}
        var whenRunning: @Sendable () async -> Void = {}

        func bind(to container: ServiceContainer) throws -> any BoundEntrypoint { self }
        var summary: EntrypointSummary { EntrypointSummary(kind: "Step", name: self.name, trigger: "the start") }
        func start() async throws { await self.whenStarting() }
        func run() async throws { await self.whenRunning() }
        func stop() async {}
    }

    @Test(.timeLimit(.minutes(5))) func itRunsFromItsOwnStartOnAndNothingIsCalledBeforeTheServiceHasStarted()
        async throws
    {
        struct Stairs: Microservice {
            static let name = "stairs"
            let order = Shelf<String>()
            let firstRuns = Latch()
            var entrypoints: [any Entrypoint] {
                Once("call") { order.put("a call is made") }
                Step(
                    name: "first",
                    whenRunning: {
                        order.put("the first runs")
                        firstRuns.open()
                    }
                )
                Step(
                    name: "second",
                    whenStarting: {
                        await firstRuns.wait()
                        order.put("the second starts")
                    }
                )
            }
        }
        let stairs = Stairs()
        try await withServices(stairs) { cluster in try await cluster.waitUntilQuiet() }
        #expect(stairs.order.elements == ["the first runs", "the second starts", "a call is made"])
    }

    @Test func itIsToldOfAFailure() async throws {
        let house = House(bell: Doorbell("ring") { throw Boom(reason: "nobody home") })
        try await withServices(house) { cluster in
            let rang = cluster.expect(House.self, "ring")
            house.bell.rung.open()
            try await rang.values()
        }
        #expect(house.bell.outcomes.elements.map { $0.error is Boom } == [true])
    }

    /// Calls when the container takes no more calls: providers stop last.
    private final class Late: DependencyProvider {
        let container = Shelf<ServiceContainer>()
        let outcomes = Shelf<Outcome>()
        func setup(_ container: ServiceContainer) async throws { self.container.put(container) }
        func stop() async throws {
            guard let container = self.container.elements.first else { return }
            self.outcomes.put(
                await container.spawnWorker(for: "late") {
                    Issue.record("it was called")
                    return 1
                }
            )
        }
    }

    private struct Closing: Microservice {
        static let name = "closing"
        let late = Late()
        var entrypoints: [any Entrypoint] {}
    }

    @Test func aCallThatComesAfterTheStopIsNotMade() async throws {
        let closing = Closing()
        try await withServices(closing) { _ in }
        guard case .cancelled? = closing.late.outcomes.elements.first else {
            Issue.record("it was not cancelled")
            return
        }
    }
}
