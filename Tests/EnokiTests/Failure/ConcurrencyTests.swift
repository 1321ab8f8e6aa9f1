import EnokiTestSupport
import EnokiTesting
import Testing

@testable import Enoki

/// How many calls of one entrypoint are in work at once.
@Suite(.timeLimit(.minutes(5))) struct ConcurrencyTests {
    /// Counts who is inside.
    private final class Room: DependencyProvider {
        private struct State {
            var inside = 0
            var most = 0
        }

        private let state = Locked(State())

        func visit() async throws {
            self.state.withLock { state in
                state.inside += 1
                state.most = max(state.most, state.inside)
            }
            for _ in 0..<20 { await Task.yield() }
            self.state.withLock { $0.inside -= 1 }
        }

        var most: Int { self.state.withLock { $0.most } }
    }

    private struct Office: Microservice {
        static let name = "office"
        let room = Room()
        let hall = Room()
        let titles = Shelf<String>()
        var entrypoints: [any Entrypoint] {
            EventHandler("in_order", onFailure: .discard, concurrency: 1, inOrder)
            RPC("enter", "number", concurrency: 2) { (number: Int) async throws -> Int in
                try await room.visit()
                return number
            }
            RPC("pass", "number") { (number: Int) async throws -> Int in
                try await hall.visit()
                return number
            }
        }
        func inOrder(_ event: Published) async throws {
            try await self.room.visit()
            self.titles.put(event.title)
        }
    }

    @Test(arguments: TestBroker.allCases) func withAConcurrencyOfOneEventsKeepTheirOrder(_ broker: TestBroker)
        async throws
    {
        let office = Office()
        let titles = (0..<50).map { "\($0)" }
        try await withServices(office, on: broker) { cluster in
            for title in titles { try await cluster.dispatch(Published(title: title)) }
            try await eventually("all are handled") { office.titles.elements.count == titles.count }
            #expect(office.titles.elements == titles)
            #expect(office.room.most == 1)
        }
    }

    @Test func thePrefetchFollowsTheConcurrency() async throws {
        struct Busy: Microservice {
            static let name = "busy"
            let gate = Latch()
            var entrypoints: [any Entrypoint] {
                EventHandler("one", concurrency: 1) { (_: Published) in await gate.wait() }
                EventHandler("three", of: "press", "published", concurrency: 3) { await gate.wait() }
                EventHandler("many", of: "press", "published", concurrency: 1000) { await gate.wait() }
            }
        }
        let busy = Busy()
        var settings = ServiceSettings()
        settings.prefetch = 5
        try await withServices(busy, settings: settings) { cluster in
            for _ in 0..<10 { try await cluster.dispatch(Published(title: "News")) }
            try await cluster.waitUntilQuiet()
            let snapshot = try cluster.snapshot()
            #expect(snapshot[queue: "evt-press-published--busy.one"]?.unsettledCount == 1)
            #expect(snapshot[queue: "evt-press-published--busy.three"]?.unsettledCount == 3)
            #expect(snapshot[queue: "evt-press-published--busy.many"]?.unsettledCount == 5)
            busy.gate.open()
        }
    }

    @Test(arguments: TestBroker.allCases) func aMethodsLimitIsItsOwn(_ broker: TestBroker) async throws {
        let office = Office()
        try await withServices(office, on: broker) { cluster in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let entered: Int = try await cluster.rpc("office").enter(number: number)
                        #expect(entered == number)
                    }
                    group.addTask {
                        let passed: Int = try await cluster.rpc("office").pass(number: number)
                        #expect(passed == number)
                    }
                }
                try await group.waitForAll()
            }
            #expect(office.room.most <= 2)
            #expect(office.room.most > 0)
        }
    }

    @Test func aLimitLetsThoseWhoWaitInOneByOne() async throws {
        let pool = WorkerPool()
        let limit = ConcurrencyLimit(1, before: pool)
        let done = Shelf<Int>()
        let gate = Latch()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { await pool.work() } }
            for number in 0..<5 {
                limit.submit(
                    WorkerPool.Job(
                        run: {
                            if number == 0 { await gate.wait() }
                            done.put(number)
                        },
                        discard: { done.put(-1 - number) }
                    )
                )
            }
            gate.open()
            try? await eventually("all have run") { done.elements.count == 5 }
            pool.close()
        }
        #expect(done.elements == [0, 1, 2, 3, 4])
    }

    @Test func thoseWhoWaitAreGivenBackWhenThePoolCloses() async throws {
        let pool = WorkerPool()
        let limit = ConcurrencyLimit(2, before: pool)
        let discarded = Shelf<Int>()
        func submit(_ number: Int) { limit.submit(WorkerPool.Job(run: {}, discard: { discarded.put(number) })) }
        // Nobody works: two wait in the pool, the others before it.
        for number in 0..<10_000 { submit(number) }
        pool.close()
        #expect(Set(discarded.elements) == Set(0..<10_000))
        #expect(discarded.elements.count == 10_000)
        submit(10_000)
        #expect(discarded.elements.last == 10_000)
    }

    @Test func aPoolThatHasStoppedBeginsNothingAndKeepsWhatComesUntilItCloses() async {
        let pool = WorkerPool()
        let fate = Shelf<String>()
        func submit(_ name: String) {
            pool.submit(WorkerPool.Job(run: { fate.put("\(name) ran") }, discard: { fate.put("\(name) discarded") }))
        }
        submit("early")
        pool.stop()
        submit("late")
        // A worker that asks now finds nothing to do, though there is something.
        await pool.work()
        #expect(fate.elements == [])
        pool.close()
        #expect(fate.elements == ["early discarded", "late discarded"])
    }
}
