import EnokiTestingTraits
import Testing

@Suite(.broker(.rabbitMQ)) struct BrokerTraitTests {
    @Test func theTestsOfASuiteRunOnItsBroker() async throws {
        let address = try await withServices(Door()) { $0.broker.address }
        #expect(address.hasPrefix("amqp://"))
        #expect(address.contains("/enoki-test-"))
    }

    @Test(.broker(.inProcess)) func aTestChoosesForItself() async throws {
        let address = try await withServices(Door()) { $0.broker.address }
        #expect(address.hasPrefix("in-process"))
    }

    @Suite struct Inner {
        @Test func aSuiteInASuiteRunsOnItToo() async throws {
            #expect(BrokerKind.current == .rabbitMQ)
        }
    }

    @Test func anArgumentCountsMoreThanATrait() async throws {
        let address = try await withServices(Door(), on: .inProcess) { $0.broker.address }
        #expect(address.hasPrefix("in-process"))
    }

    @Test func clustersInsideOfOthersDoNotWaitForEachOther() async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<10 {
                group.addTask { try await withServices { _ in try await withServices { _ in } } }
            }
            try await group.waitForAll()
        }
    }

    @Test func eachClusterHasAVirtualHostOfItsOwn() async throws {
        try await withServices(Door()) { first in
            try await withServices(Door()) { second in
                #expect(first.broker.address != second.broker.address)
            }
        }
    }
}

@Suite struct BrokerTests {
    @Test func withoutATraitTheBrokerIsInProcess() async throws {
        let address = try await withServices(Door()) { $0.broker.address }
        #expect(address.hasPrefix("in-process"))
    }
}
