import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// Calls and events that lead to themselves.
@Suite struct CallChainTests {
    /// Calls itself so many times.
    private struct Stairs: Microservice {
        static let name = "stairs"
        let stairs = RPCProxy("stairs")
        let calls = Shelf<Int>()
        var entrypoints: [any Entrypoint] {
            RPC("descend", "steps") { @concurrent (steps: Int) async throws -> Int in
                calls.put(steps)
                return steps == 0 ? 0 : try await stairs.descend(steps: steps - 1) + 1
            }
        }
    }

    /// Two that ask each other, without end.
    private struct Ping: Microservice {
        static let name = "ping"
        let pong = RPCProxy("pong")
        let turns: Shelf<String>
        var entrypoints: [any Entrypoint] {
            RPC("turn") { @concurrent () async throws -> Int in
                turns.put("ping")
                return try await pong.turn()
            }
        }
    }

    private struct Pong: Microservice {
        static let name = "pong"
        let ping = RPCProxy("ping")
        let turns: Shelf<String>
        var entrypoints: [any Entrypoint] {
            RPC("turn") { @concurrent () async throws -> Int in
                turns.put("pong")
                return try await ping.turn()
            }
        }
    }

    /// Dispatches what it handles, up to a number, and calls at each turn.
    private struct Wheel: Microservice {
        static let name = "wheel"
        static let queue = "evt-wheel-turned--wheel.on_turned"
        let events = EventDispatcher()
        let stairs = RPCProxy("stairs")
        let turns = Shelf<Int>()
        let headers = Shelf<Headers>()
        var last = Int.max
        var steps = 0
        var entrypoints: [any Entrypoint] {
            EventHandler("on_turned", of: "wheel", "turned") { @concurrent (turn: Int) in
                turns.put(turn)
                headers.put(WorkerContext.current?.message?.properties.headers ?? Headers())
                let _: Int = try await stairs.descend(steps: steps)
                if turn < last { try await events.dispatch("turned", turn + 1) }
            }
        }
    }

    @Test(arguments: TestBroker.allCases) func aMethodThatCallsItselfWithoutEndIsToldSoInsteadOfTakingAllWorkers(
        _ broker: TestBroker
    ) async throws {
        let stairs = Stairs()
        var settings = ServiceSettings()
        // As many workers as turns: the one too many must not wait for a worker.
        settings.maxWorkers = settings.callChains.repeats
        try await withServices(stairs, on: broker, settings: settings) { cluster in
            let reached: Int = try await cluster.rpc("stairs").descend(steps: 7)
            #expect(reached == 7)
            let error = await #expect(throws: CallChainExceeded.self) {
                let _: Int = try await cluster.rpc("stairs").descend(steps: 1000)
            }
            #expect(
                error
                    == CallChainExceeded(
                        call: "stairs.descend",
                        limit: .repeats,
                        count: 8,
                        chain: ["stairs.descend", "stairs.descend"]
                    )
            )
            #expect(stairs.calls.elements.count == 16)
            let again: Int = try await cluster.rpc("stairs").descend(steps: 0)
            #expect(again == 0)
        }
    }

    @Test(arguments: TestBroker.allCases) func servicesThatCallEachOtherWithoutEndAreToldSo(_ broker: TestBroker)
        async throws
    {
        let turns = Shelf<String>()
        try await withServices(Ping(turns: turns), Pong(turns: turns), on: broker) { cluster in
            let error = await #expect(throws: CallChainExceeded.self) {
                let _: Int = try await cluster.rpc("ping").turn()
            }
            #expect(error?.limit == .depth)
            #expect(error?.count == 16)
            #expect(error?.chain == ["pong.turn", "ping.turn", "pong.turn"])
            // The client's call is the first of the chain.
            #expect(turns.elements.count == 15)
        }
    }

    /// An import that dispatches its next page: nobody waits for an event.
    @Test(arguments: TestBroker.allCases) func anEventBeginsAChainOfItsOwn(_ broker: TestBroker) async throws {
        let wheel = Wheel(last: 20, steps: 2)
        try await withServices(wheel, Stairs(), on: broker) { cluster in
            let turns = cluster.expect(Wheel.self, "on_turned", count: 20)
            try await cluster.dispatch(from: "wheel", "turned", 1)
            try await turns.values()
            #expect(wheel.turns.elements == Array(1...20))
            // What handles it in Python hands on what it gets, and would count no further.
            let headers = try #require(wheel.headers.elements.last)
            #expect(headers["nameko.call_id_stack"]?.arrayValue?.count ?? 0 > 1)
            #expect(headers["enoki.call_depth"] == nil)
        }
    }

    @Test(arguments: TestBroker.allCases) func anEventWhoseHandlerCallsInACircleIsADeadLetterAtOnce(
        _ broker: TestBroker
    ) async throws {
        let wheel = Wheel(last: 1, steps: 1000)
        try await withServices(wheel, Stairs(), on: broker) { cluster in
            try await cluster.dispatch(from: "wheel", "turned", 1)
            try await cluster.waitForQueue("\(Wheel.queue).dead") { $0.messageCount == 1 }
            #expect(wheel.turns.elements == [1])
            let letter = try #require(try await cluster.takeMessage(from: "\(Wheel.queue).dead"))
            let headers = letter.properties.headers
            #expect(headers["x-enoki-reason"] == "loop")
            #expect(headers["x-enoki-error-type"] == "enoki.CallChainExceeded")
            #expect(headers["x-enoki-attempts"]?.integerValue == 1)
            guard case .string(let text)? = headers["x-enoki-error"] else {
                Issue.record("no error")
                return
            }
            #expect(text.contains("stairs.descend was not called: it stands 8 times"))
            #expect(text.contains("call_repeat_limit"))
        }
    }

    @Test func withoutLimitsARecursionGoesAsDeepAsThereAreWorkers() async throws {
        var settings = ServiceSettings.testing
        settings.callChains.repeats = 0
        settings.callChains.depth = 0
        settings.maxWorkers = 60
        try await withServices(Stairs(), settings: settings) { cluster in
            let reached: Int = try await cluster.rpc("stairs").descend(steps: 50)
            #expect(reached == 50)
        }
    }

    @Test func anEntrypointOfOnesOwnIsGuardedToo() async throws {
        let log = LogRecorder()
        let server = InProcessBroker()
        let host = try ServiceHost(broker: server.connect(name: "host"), services: [Stairs()], logger: log.logger)
        let outcome = await host.containers[0].spawnWorker(
            for: "hear",
            headers: ["nameko.call_id_stack": ["a.b.1"], "nameko.enoki.call_depth": 16]
        ) { 1 }
        guard case .failed(let error as CallChainExceeded) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.call == "stairs.hear")
        #expect(error.count == 16)
    }
}
