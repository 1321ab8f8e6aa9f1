import EnokiTesting
import Testing

@Suite struct RestrictionTests {
    @Test func onlyTheNamedEntrypointsAreStarted() async throws {
        let restriction = Restriction(Shop.Payments.self, to: "charge")
        try await withServices(Shop.Payments(), restricting: [restriction]) { cluster in
            #expect(try cluster.container(of: Shop.Payments.self).entrypoints.map(\.name) == ["charge"])
            #expect(
                try cluster.snapshot().queues.map(\.queue.name).filter { !$0.contains("reply") } == ["rpc-payments"]
            )
            let warmedUp = cluster.expect(Shop.Payments.self, "warm_up")
            try await warmedUp.never()
            #expect(try await cluster.rpc("payments")(Shop.Charge(customer: "ada", euros: 1)) == 1001)
        }
    }

    @Test func aMethodThatIsNotStartedIsNotFound() async throws {
        let restriction = Restriction(Shop.Orders.self, to: "whose")
        try await withServices(Shop.Orders(), restricting: [restriction]) { cluster in
            await #expect(throws: MethodNotFound("session")) { try await cluster.rpc("orders").session() }
        }
    }

    @Test func whatIsNotStartedCanBeCalledDirectly() async throws {
        try await withServices(Shop.Orders(), restricting: [Restriction(Shop.Orders.self)]) { cluster in
            #expect(try cluster.container(of: Shop.Orders.self).entrypoints.isEmpty)
            try await cluster.entrypoint(Shop.Orders.self, "expire")()
            #expect(cluster.calls.map(\.entrypoint) == ["expire"])
        }
    }

    @Test func aWrongNameIsRefusedAndCorrected() async throws {
        let misspelt = Restriction(Shop.Payments.self, to: "charge", "boook")
        let entrypoint = await #expect(throws: ConfigurationError.self) {
            try await withServices(Shop.Payments(), restricting: [misspelt]) { _ in Issue.record("the body ran") }
        }
        #expect(
            entrypoint?.message == "service 'payments' cannot be restricted to 'boook', which it has not: did you mean "
                + "'book'? It has book, charge, warm_up"
        )
        let service = await #expect(throws: ConfigurationError.self) {
            try await withServices(Shop.Orders(), restricting: [misspelt]) { _ in Issue.record("the body ran") }
        }
        #expect(service?.message == "a restriction is for Payments, which is not among the services of the test")
    }
}
