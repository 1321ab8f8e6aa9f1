import EnokiTesting
import Testing

@Suite struct PredictableCallIDTests {
    private func stacks() async throws -> [[String]] {
        try await withServices(
            Shop.Orders(),
            Shop.Payments(),
            stubbing: [Shop.priceIs20],
            predictableCallIDs: true
        ) { cluster in
            for _ in 0..<2 {
                let booked = cluster.expect(Shop.Payments.self, "book")
                try await cluster.rpc("orders").place(customer: "ada", items: [Shop.Item]())
                try await booked.value()
            }
            return cluster.calls.filter { $0.entrypoint != "warm_up" }.map(\.context.callIDStack).sorted {
                $0.lexicographicallyPrecedes($1)
            }
        }
    }

    @Test func idsAreNumberedForEachEntrypoint() async throws {
        #expect(
            try await stacks() == [
                ["client.call.0", "orders.place.0"],
                ["client.call.0", "orders.place.0", "payments.book.0"],
                ["client.call.0", "orders.place.0", "payments.charge.0"],
                ["client.call.1", "orders.place.1"],
                ["client.call.1", "orders.place.1", "payments.book.1"],
                ["client.call.1", "orders.place.1", "payments.charge.1"],
            ]
        )
    }

    @Test func eachRunHasTheSame() async throws {
        let first = try await stacks()
        #expect(try await stacks() == first)
    }

    @Test func underASeedARunIsRepeatedExactly() async throws {
        let run = { (seed: UInt64) in
            try await withServices(
                Shop.Orders(),
                Shop.Orders(),
                Shop.Payments(),
                Shop.Payments(),
                stubbing: [Shop.priceIs20],
                predictableCallIDs: true,
                seed: seed
            ) { cluster in
                try await withThrowingTaskGroup { group in
                    for _ in 0..<5 {
                        group.addTask { try await cluster.rpc("orders").place(customer: "ada", items: [Shop.Item]()) }
                    }
                    try await group.waitForAll()
                }
                try await cluster.waitUntilQuiet()
                return cluster.calls.map(\.description)
            }
        }
        var runs: Set<[String]> = []
        for seed in 1...10 as ClosedRange<UInt64> {
            let first = try await run(seed)
            #expect(try await run(seed) == first)
            runs.insert(first)
        }
        #expect(runs.count > 5)
    }

    @Test func queuesOfInstancesAndRepliesAreNumberedToo() async throws {
        struct Listener: Microservice {
            static let name = "listener"
            let other = RPCProxy("other")
            var entrypoints: [any Entrypoint] { EventHandler("hear", of: "ops", "flush", mode: .broadcast) {} }
        }
        try await withServices(Listener(), Listener(), predictableCallIDs: true) { cluster in
            let queues = try cluster.snapshot().queues.map(\.queue.name)
            #expect(
                queues == [
                    "evt-ops-flush--listener.hear-0", "evt-ops-flush--listener.hear-1", "rpc.reply-listener-1",
                    "rpc.reply-listener-2",
                ]
            )
        }
    }

    @Test func withoutTheOptionTheyAreRandom() async throws {
        try await withServices(Shop.Orders()) { cluster in
            for _ in 0..<2 { try await cluster.entrypoint(Shop.Orders.self, "expire")() }
            let ids = cluster.calls.map(\.context.callID)
            #expect(Set(ids).count == 2)
            for id in ids { #expect(id.wholeMatch(of: /orders\.expire\.[0-9a-f-]{36}/) != nil) }
        }
    }
}
