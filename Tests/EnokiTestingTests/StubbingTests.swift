import EnokiTesting
import Testing

@Suite struct StubbingTests {
    @Test func stubsAnswerInPlaceOfServicesAndOthersAreReached() async throws {
        try await withServices(Shop.Orders(), Shop.Payments(), stubbing: [Shop.priceIs20]) { cluster in
            let order: Shop.Order = try await cluster.rpc("orders").place(
                customer: "ada",
                items: [Shop.Item(sku: "cup")]
            )
            #expect(order.receipt == 1020)
            #expect(cluster.called("stock", "price").map { $0["sku"] } == ["cup"])
            #expect(cluster.calls.map(\.entrypoint).filter { $0 == "charge" } == ["charge"])
        }
    }

    @Test func aStubByContractGetsTheRequestAndTheLastOneCounts() async throws {
        let stubs: [RPCStub] = [
            Shop.priceIs20,
            .reply(to: Shop.Charge.self, with: 1),
            .reply(to: Shop.Charge.self) { charge in charge.euros * 2 },
        ]
        try await withServices(Shop.Orders(), stubbing: stubs) { cluster in
            let order: Shop.Order = try await cluster.rpc("orders").place(customer: "ada", items: [Shop.Item]())
            #expect(order.receipt == 40)
            #expect(try cluster.called(Shop.Charge.self) == [Shop.Charge(customer: "ada", euros: 20)])
        }
    }

    @Test func whatAStubThrowsArrivesAsFromAService() async throws {
        struct Unknown: Error {}
        let stubs: [RPCStub] = [
            .reply(to: "stock", "price") { arguments -> Int in
                if arguments["sku"] == "cup" { throw Shop.Refused() }
                throw Unknown()
            }
        ]
        try await withServices(Shop.Orders(), stubbing: stubs) { cluster in
            let placed = cluster.expect(Shop.Orders.self, "place", count: 2)
            for sku in ["cup", "teapot"] {
                _ = try? await cluster.rpc("orders").place(customer: "ada", items: [Shop.Item(sku: sku)])
            }
            let errors = try await placed.values().map(\.error)
            #expect(errors[0] is Shop.Refused)
            #expect((errors[1] as? RemoteError)?.type == "Unknown")
        }
    }
}
