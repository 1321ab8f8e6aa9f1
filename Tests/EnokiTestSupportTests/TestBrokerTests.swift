import EnokiBroker
import EnokiTestSupport
import Testing

struct TestBrokerTests {
    @Test(arguments: TestBroker.allCases) func aBrokerHasNothingOfAnother(_ kind: TestBroker) async throws {
        try await kind.withBroker { first in
            try await first.declare(Topology(queues: [Queue("mine")]))
            try await kind.withBroker { second in
                let error = await #expect(throws: BrokerError.self) { try await second.inspect(queue: "mine") }
                #expect(error?.code == .notFound)
            }
        }
    }

    @Test(arguments: TestBroker.allCases) func connectionsShareQueuesButNotExclusiveOnes(_ kind: TestBroker)
        async throws
    {
        try await kind.withFixture { fixture in
            let second = try await fixture.connect()
            try await second.declare(Topology(queues: [Queue("shared"), Queue("own", exclusive: true)]))
            #expect(try await fixture.broker.inspect(queue: "shared").messageCount == 0)
            let error = await #expect(throws: BrokerError.self) { try await fixture.broker.consume("own") { _ in } }
            #expect(error?.code == .resourceLocked)
        }
    }

    @Test(arguments: TestBroker.allCases) func aScopedConnectionIsClosedWithItsScope(_ kind: TestBroker) async throws {
        try await kind.withFixture { fixture in
            try await fixture.withConnection { try await $0.declare(Topology(queues: [Queue("own", exclusive: true)])) }
            try await eventually("the exclusive queue is gone") {
                do {
                    _ = try await fixture.broker.inspect(queue: "own")
                    return false
                } catch let error as BrokerError where error.code == .notFound {
                    return true
                }
            }
        }
    }

    @Test(arguments: TestBroker.allCases) func whatTheBodyThrowsIsThrown(_ kind: TestBroker) async throws {
        struct Thrown: Error {}
        await #expect(throws: Thrown.self) { try await kind.withBroker { _ in throw Thrown() } }
    }
}
