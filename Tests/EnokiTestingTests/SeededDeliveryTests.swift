import EnokiTesting
import Testing

/// What must hold in whatever order things happen, and whatever goes wrong: each test over hundreds of seeds.
@Suite(.timeLimit(.minutes(5))) struct SeededDeliveryTests {
    struct Sold: Event {
        static let source = "shop"
        static let type = "sold"
        var id: Int
    }

    struct Ledger: Microservice {
        static let name = "ledger"
        var entrypoints: [any Entrypoint] { EventHandler("note", self.note) }
        func note(_ event: Sold) async throws {}
    }

    struct Stock: Microservice {
        static let name = "stock"
        let events = EventDispatcher()
        var entrypoints: [any Entrypoint] {
            EventHandler("count", mode: .broadcast(.fixed("here")), self.count)
            RPC("level", "sku", method: self.level)
        }
        func count(_ event: Sold) async throws {}
        func level(sku: Int) async throws -> Int { sku * 2 }
    }

    struct Shop: Microservice {
        static let name = "shop"
        let stock = RPCProxy("stock")
        var entrypoints: [any Entrypoint] { RPC("offer", "sku", method: self.offer) }
        func offer(sku: Int) async throws -> Int {
            let level: Int = try await self.stock.level(sku: sku)
            return level + 1
        }
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func everyEventReachesEveryServiceWhateverPasses(seed: UInt64) async throws {
        let plan = FaultPlan.random(seed: seed, rate: 0.08)
        try await withServices(Ledger(), Ledger(), Stock(), faults: plan, seed: seed) { cluster in
            for id in 0..<10 { try await self.sell(id, on: cluster) }
            try await cluster.waitUntilQuiet()
            let faults = try cluster.server().faults
            for handler in ["note", "count"] {
                let calls = cluster.calls.filter { $0.entrypoint == handler }
                let ids = Set(try calls.map { try $0.event(as: Sold.self).id })
                #expect(ids == Set(0..<10), "\(handler), seed \(seed), faults \(faults)")
            }
            for queue in try cluster.snapshot().queues {
                #expect(queue.ready.isEmpty && queue.unsettledCount == 0, "\(queue.queue.name), seed \(seed)")
            }
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func everyCallGetsItsOwnAnswerInWhateverOrder(seed: UInt64) async throws {
        let plan = FaultPlan.random(seed: seed, rate: 0.1, kinds: [.duplicates, .cancelledConsumers])
        try await withServices(Shop(), Stock(), Stock(), faults: plan, seed: seed) { cluster in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sku in 0..<10 {
                    group.addTask {
                        let offer: Int = try await cluster.rpc("shop").offer(sku: sku)
                        #expect(offer == sku * 2 + 1, "seed \(seed)")
                    }
                }
                try await group.waitForAll()
            }
            // The duplicates of calls that have their answer call others too, which must be there.
            try await cluster.waitUntilQuiet()
        }
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func aSeedGivesTheSameFaultsAndTheSameCallsAgain(seed: UInt64) async throws {
        let first = try await self.run(seed: seed)
        let second = try await self.run(seed: seed)
        #expect(first.faults == second.faults)
        #expect(first.calls == second.calls)
        // What a seed did can be written down, and does the same without it.
        let named = try await self.run(seed: seed, faults: FaultPlan(first.faults))
        #expect(named.calls == first.calls)
    }

    @Test func seedsDiffer() async throws {
        var runs: Set<[String]> = []
        for seed in 0..<20 as Range<UInt64> { runs.insert(try await self.run(seed: seed).calls) }
        #expect(runs.count > 10)
    }

    private func run(seed: UInt64, faults: FaultPlan? = nil) async throws -> (faults: [Fault], calls: [String]) {
        let plan = faults ?? .random(seed: seed, rate: 0.1)
        return try await withServices(
            Ledger(),
            Ledger(),
            Stock(),
            faults: plan,
            predictableCallIDs: true,
            seed: seed
        ) { cluster in
            for id in 0..<5 { try await self.sell(id, on: cluster) }
            try await cluster.waitUntilQuiet()
            return (try cluster.server().faults, cluster.calls.map(\.description))
        }
    }

    /// Publishes an event until it is known to be published.
    private func sell(_ id: Int, on cluster: Cluster) async throws {
        while true {
            do {
                return try await cluster.dispatch(Sold(id: id))
            } catch let error as BrokerError where error.publishOutcome == .unknown {}
        }
    }
}
