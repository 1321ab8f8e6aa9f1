import EnokiTesting
import Testing

@Suite struct ExpectationTests {
    @Test func itGivesTheResultAsATypedValue() async throws {
        try await withServices(Shop.Payments()) { cluster in
            let charged = cluster.expect(Shop.Payments.self, "charge")
            _ = try await cluster.rpc("payments")(Shop.Charge(customer: "ada", euros: 5))
            let receipt: Int = try await charged.result()
            #expect(receipt == 1005)
            let error = await #expect(throws: ExpectationError.self) { try await charged.result(as: Bool.self) }
            #expect(error?.description == "payments.charge returned a value of type Int, not of Bool")
        }
    }

    @Test func itThrowsTheErrorOfTheCall() async throws {
        try await withServices(Shop.Payments()) { cluster in
            let charged = cluster.expect(Shop.Payments.self, "charge")
            _ = try? await cluster.rpc("payments")(Shop.Charge(customer: "eve", euros: 5))
            await #expect(throws: Shop.Refused.self) { try await charged.result(as: Int.self) }
            let call = try #require(try await charged.values().first)
            #expect(call.error is Shop.Refused)
        }
    }

    @Test func itMatchesByArgumentsContextResultAndError() async throws {
        try await withServices(Shop.Orders(), Shop.Payments()) { cluster in
            let payments = cluster.rpc("payments")
            let byRequest = cluster.expect(Shop.Payments.self, "charge") {
                try $0.request(as: Shop.Charge.self).euros == 2
            }
            let byArgument = cluster.expect(Shop.Payments.self, "charge") { $0.arguments["customer"] == "bob" }
            let byResult = cluster.expect(Shop.Payments.self, "charge") { (try? $0.result(as: Int.self)) == 1003 }
            let byError = cluster.expect(Shop.Payments.self, "charge") { $0.error is Shop.Refused }
            let byContext = cluster.expect(Shop.Orders.self, "whose") { $0.context.contextData["user_id"] == 7 }
            let byEvent = cluster.expect(Shop.Payments.self, "book") {
                try $0.event(as: Shop.OrderPlaced.self).customer == "bob"
            }
            for (customer, euros) in [("ada", 1), ("bob", 2), ("cem", 3), ("eve", 4)] {
                _ = try? await payments(Shop.Charge(customer: customer, euros: euros))
            }
            for customer in ["ada", "bob"] { try await cluster.dispatch(Shop.OrderPlaced(customer: customer)) }
            for user in [6, 7] {
                let whose = cluster.entrypoint(Shop.Orders.self, "whose", contextData: ["user_id": .integer(user)])
                try await whose()
            }

            #expect(try await byRequest.result(as: Int.self) == 1002)
            #expect(try await byArgument.result(as: Int.self) == 1002)
            #expect(try await byResult.value().arguments["customer"] == "cem")
            #expect(try await byError.values().first?.arguments["customer"] == "eve")
            #expect(try await byContext.result(as: Int?.self) == 7)
            #expect(try await byEvent.value().arguments[0] == ["customer": "bob"])
        }
    }

    @Test func aConditionThatThrowsFailsTheExpectation() async throws {
        try await withServices(Shop.Payments()) { cluster in
            let booked = cluster.expect(Shop.Payments.self, "book") { _ in throw Shop.Refused() }
            try await cluster.dispatch(Shop.OrderPlaced(customer: "ada"))
            await #expect(throws: Shop.Refused.self) { try await booked.values() }
        }
    }

    @Test func itEndsAfterTheTeardownOfTheProviders() async throws {
        let orders = Shop.Orders()
        try await withServices(orders) { cluster in
            let logAtTheEnd = Locked<[String]>([])
            let expired = cluster.expect(Shop.Orders.self, "expire") { _ in
                let log = orders.sessions.log.withLock { $0 }
                logAtTheEnd.withLock { $0 = log }
                return true
            }
            await cluster.clock.advance(by: .seconds(30))
            try await expired.value()
            #expect(logAtTheEnd.withLock { $0 } == ["setup", "result", "teardown"])
        }
    }

    @Test func itWaitsAsLongAsItIsTold() async throws {
        try await withServices(Shop.Payments(), patience: .seconds(3600)) { cluster in
            let booked = cluster.expect(Shop.Payments.self, "book", within: .milliseconds(1))
            let error = await #expect(throws: ExpectationError.self) { try await booked.value() }
            #expect(error?.description.contains("to be called once within 0.001 seconds, but") == true)
        }
    }

    @Test func neverReturnsWhenTheServicesAreQuiet() async throws {
        try await withServices(Shop.Payments()) { cluster in
            let charged = cluster.expect(Shop.Payments.self, "charge")
            let booked = cluster.expect(Shop.Payments.self, "book")
            try await cluster.dispatch(Shop.OrderPlaced(customer: "ada"))
            try await charged.never()
            // Quiet it was: what did happen has ended.
            #expect(cluster.calls.contains { $0.entrypoint == "book" })
            try await booked.value()
        }
    }

    @Test func neverFailsWhenACallCame() async throws {
        try await withServices(Shop.Payments(), predictableCallIDs: true) { cluster in
            try await cluster.waitUntilQuiet()
            let never = cluster.expect(Shop.Payments.self, "book", count: 0)
            let booked = cluster.expect(Shop.Payments.self, "book")
            try await cluster.dispatch(Shop.OrderPlaced(customer: "ada"))
            try await booked.value()
            let error = await #expect(throws: ExpectationError.self) { try await never.values() }
            #expect(
                error?.description == """
                    expected payments.book never to be called, but it was called

                    calls that have ended, in order:
                      1. payments.warm_up on instance 0 succeeded (payments.warm_up.0)
                      2. payments.book on instance 0 succeeded (payments.book.0)
                    """
            )
        }
    }
}
