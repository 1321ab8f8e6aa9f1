import EnokiTestSupport
import EnokiTesting
import Testing

@testable import shop

/// The services of the shop together, on the in-process broker.
@Suite struct OrdersTests {
    @Test func anOrderIsChargedReservedAndBooked() async throws {
        try await withServices(Orders(), Payments(), Stock()) { cluster in
            let charged = cluster.expect(Payments.self, "charge")
            let reserved = cluster.expect(Stock.self, "reserve")
            let booked = cluster.expect(Payments.self, "book")
            let order: Order = try await cluster.rpc("orders").place(customer: "Ada", sku: "teapot", quantity: 2)
            #expect((order.customer, order.sku, order.quantity, order.euros) == ("Ada", "teapot", 2, 40))
            try await charged.value()
            try await reserved.value()
            try await booked.value()
            let left: Int = try await cluster.rpc("stock").level(sku: "teapot")
            #expect(left == 6)
        }
    }

    @Test func aDeclinedCardKeepsItsTypeReachesTheCallerAndLeavesNoOrder() async throws {
        try await withServices(Orders(), Payments(), Stock()) { cluster in
            let booked = cluster.expect(Payments.self, "book")
            let error = await #expect(throws: CardDeclined.self) {
                let _: Order = try await cluster.rpc("orders", errors: [CardDeclined.self])
                    .place(customer: "Bob", sku: "teapot", quantity: 6)
            }
            #expect(error?.reason == "120 euros are more than the card's limit of 100")
            try await booked.value()
            #expect(!cluster.calls.contains { $0.entrypoint == "reserve" })
        }
    }

    @Test(arguments: [("teapot", 9), ("teapot", 0), ("teapot", -1), ("teapot", Int.max), ("unicorn", 1), ("", 1)])
    func whatIsNotThereCannotBeOrdered(_ sku: String, _ quantity: Int) async throws {
        try await withServices(Orders(), Payments(), Stock()) { cluster in
            await #expect(throws: OutOfStock.self) {
                let _: Order = try await cluster.rpc("orders", errors: [OutOfStock.self])
                    .place(customer: "Eve", sku: sku, quantity: quantity)
            }
            #expect(!cluster.calls.contains { $0.entrypoint == "charge" })
        }
    }

    @Test func aNewPriceReachesEveryInstance() async throws {
        let (store, shelves) = (OrderStore(), Shelves())
        let instances: [any Microservice] = [
            Orders(store: store), Orders(store: store), Payments(), Stock(shelves: shelves),
        ]
        try await withServices(instances) { cluster in
            let noted = cluster.expect(Orders.self, "note_price", count: 2)
            let first: Order = try await cluster.rpc("orders").place(customer: "Cem", sku: "teapot", quantity: 5)
            let _: Order = try await cluster.rpc("orders").place(customer: "Dee", sku: "teapot", quantity: 1)
            #expect(first.euros == 100)
            #expect(Set(try await noted.values().map(\.instance)) == [0, 1])

            for _ in 0..<4 {
                let order: Order = try await cluster.rpc("orders").place(customer: "Eli", sku: "teapot", quantity: 1)
                #expect(order.euros == 21)
            }
        }
    }

    @Test func stockIsCountedAtTheStartAndEveryTenSeconds() async throws {
        try await withServices(Stock()) { cluster in
            let counted = cluster.expect(Stock.self, "count", count: 3)
            await cluster.clock.advance(by: .seconds(10))
            await cluster.clock.advance(by: .seconds(10))
            try await counted.values()
        }
    }
}
