import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct RPCFailureTests {
    /// Two methods, one of which fails as its policy's test wants it to.
    private struct Till: Microservice {
        static let name = "till"
        static let deadLetters = "rpc-till.dead"
        let policy: FailurePolicy
        let attempts = Shelf<Int>()
        var failures = Int.max

        var entrypoints: [any Entrypoint] {
            RPC("charge", "amount", onFailure: policy, method: charge)
            RPC("other", "amount") { (amount: Int) in -amount }
        }

        func charge(amount: Int) async throws -> Int {
            let attempt = WorkerContext.current?.attempt ?? 0
            self.attempts.put(attempt)
            if self.attempts.elements.count <= self.failures { throw DivisionByZero(dividend: attempt) }
            return amount
        }
    }

    @Test(arguments: TestBroker.allCases) func aCallerWaitsForTheAttemptThatSucceeds(_ broker: TestBroker) async throws
    {
        let till = Till(policy: .retry(upTo: 5, .fixed(.milliseconds(100))), failures: 2)
        try await withServices(till, on: broker) { cluster in
            let amount: Int = try await cluster.rpc("till").charge(amount: 7)
            #expect(amount == 7)
            #expect(till.attempts.elements == [1, 2, 3])
            try await cluster.waitForQueue("rpc-till") { $0.messageCount == 0 }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aCallerGetsTheErrorOfTheLastAttemptAndTheRequestIsADeadLetter(_ broker: TestBroker) async throws {
        let till = Till(policy: .retry(upTo: 3, .fixed(.milliseconds(100))))
        try await withServices(till, on: broker) { cluster in
            let rpc = cluster.rpc("till", errors: [DivisionByZero.self])
            let error = await #expect(throws: DivisionByZero.self) { let _: Int = try await rpc.charge(amount: 7) }
            #expect(error == DivisionByZero(dividend: 3))
            #expect(till.attempts.elements == [1, 2, 3])
            try await cluster.waitForQueue(Till.deadLetters) { $0.messageCount == 1 }
            let dead = try #require(try await cluster.takeMessage(from: Till.deadLetters))
            let letter = try #require(DeadLetter(dead.properties.headers))
            #expect(letter.reason == .error)
            #expect(letter.errorType == "calculator.DivisionByZero")
            #expect(letter.attempts == 3)
            #expect(letter.entrypoint == "charge")
            #expect(letter.queue == "rpc-till")
            #expect(letter.exchange == "nameko-rpc")
            #expect(letter.routingKey == "till.charge")
        }
    }

    @Test func byDefaultACallerGetsTheErrorAndNothingElseIsMade() async throws {
        try await withServices(Till(policy: .discard)) { cluster in
            await #expect(throws: RemoteError.self) { let _: Int = try await cluster.rpc("till").charge(amount: 7) }
            let snapshot = try cluster.snapshot()
            #expect(snapshot[queue: Till.deadLetters] == nil)
            #expect(!snapshot.exchanges.contains { $0.name.hasPrefix("enoki.") })
        }
    }

    @Test func noAttemptIsMadeWhenTheCallerHasGone() async throws {
        let till = Till(policy: .retry(upTo: 5, .fixed(.seconds(4)), finally: .discard))
        try await withServices(till) { cluster in
            async let error = #expect(throws: RemoteError.self) {
                let _: Int = try await cluster.rpc("till", timeout: .seconds(9)).charge(amount: 7)
            }
            try await eventually("the first attempt was made") { till.attempts.elements.count == 1 }
            await cluster.clock.advance(by: .seconds(8))
            // The third would come after 8 of the 9 seconds, a fourth too late.
            #expect(await error != nil)
            await cluster.clock.advance(by: .seconds(600))
            #expect(till.attempts.elements == [1, 2, 3])
        }
    }

    @Test func whatCannotBeReadIsAnsweredAndNeitherRetriedNorADeadLetter() async throws {
        try await withServices(Till(policy: .retry(upTo: 3))) { cluster in
            await #expect(throws: IncorrectSignature.self) {
                let _: Int = try await cluster.rpc("till").charge(amount: "seven")
            }
            await #expect(throws: MethodNotFound.self) { let _: Int = try await cluster.rpc("till").chargge(amount: 7) }
            try await cluster.waitUntilQuiet()
            #expect(try cluster.snapshot()[queue: Till.deadLetters] == nil)
            #expect(try cluster.snapshot()[queue: "rpc-till"]?.unsettledCount == 0)
        }
    }

    @Test func aRequestWithoutAReplyToIsRetriedToo() async throws {
        let till = Till(policy: .retry(upTo: 3, .fixed(.seconds(1))))
        try await withServices(till) { cluster in
            let request = Message(
                #"{"args": [7], "kwargs": {}}"#,
                properties: BasicProperties(contentType: "application/json")
            )
            try await cluster.broker.publish(request, to: "nameko-rpc", routingKey: "till.charge")
            await cluster.clock.advance(by: .seconds(60))
            #expect(till.attempts.elements == [1, 2, 3])
            #expect(try cluster.snapshot()[queue: Till.deadLetters]?.ready.count == 1)
        }
    }
}
