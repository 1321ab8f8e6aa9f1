// The test of README.md.

import EnokiTesting
import Testing

@Test func anOrderIsChargedAndBooked() async throws {
    try await withServices(Orders(), Payments()) { cluster in
        let booked = cluster.expect(Payments.self, "book")
        let receipt: Int = try await cluster.rpc("orders").place(customer: "Ada", sku: "teapot")
        #expect(receipt == 1020)
        try await booked.value()
    }
}
