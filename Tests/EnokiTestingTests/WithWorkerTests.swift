import Configuration
import EnokiTesting
import Testing

@Suite struct WithWorkerTests {
    let stubs: [RPCStub] = [Shop.priceIs20, .reply(to: Shop.Charge.self) { 1000 + $0.euros }]

    @Test func methodsAreCalledAndWhatTheyDoIsSeen() async throws {
        try await withWorker(Shop.Orders(), stubbing: stubs) { orders, worker in
            let order = try await orders.place(customer: "ada", items: [Shop.Item(sku: "cup")])
            #expect(order == Shop.Order(id: 1, customer: "ada", receipt: 1020))
            #expect(try worker.called(Shop.Charge.self) == [Shop.Charge(customer: "ada", euros: 20)])
            #expect(worker.called("stock", "price").map { $0["sku"] } == ["cup"])
            #expect(try worker.dispatched(Shop.OrderPlaced.self) == [Shop.OrderPlaced(customer: "ada")])
            #expect(try worker.dispatched("order.placed") == [["customer": "ada"] as JSONValue])
            #expect(worker.dispatches.map(\.source) == ["orders"])
        }
    }

    @Test func aCallWithoutAStubSaysSo() async throws {
        let error = await #expect(throws: UnstubbedCall.self) {
            try await withWorker(Shop.Orders()) { orders, _ in _ = try await orders.place(customer: "ada", items: []) }
        }
        #expect(
            error?.description == "stock.price was called, and the test has no stub for it: add "
                + "`.reply(to: \"stock\", \"price\", with: …)` to `stubbing`, or one by contract"
        )
    }

    @Test func aProviderGivesTheValueThatReplacesItsOwn() async throws {
        let orders = Shop.Orders()
        try await withWorker(orders, replacing: [Replacement(\Shop.Orders.sessions, with: "fake")]) { orders, _ in
            let session = try orders.session()
            #expect(session == "fake")
        }
        #expect(orders.sessions.log.withLock { $0 }.isEmpty)
    }

    @Test func aProviderThatIsNotReplacedSaysSo() async throws {
        let error = await #expect(throws: UnreplacedDependency.self) {
            try await withWorker(Shop.Orders()) { orders, _ in _ = try orders.session() }
        }
        #expect(
            error?.description == "Orders reads `sessions.current`, and the test gives no value for it: add "
                + "`Replacement(\\Orders.sessions, with: …)` to `replacing`"
        )
    }

    @Test func aReplacementOfNothingIsRefused() async throws {
        await #expect(throws: ConfigurationError.self) {
            try await withWorker(Shop.Payments(), replacing: [Replacement(\Shop.Orders.sessions, with: "fake")]) {
                _,
                _ in
            }
        }
    }

    @Test func theContextIsThatOfAWorker() async throws {
        let data: Headers = ["user_id": 7]
        try await withWorker(Shop.Orders(), stubbing: stubs, contextData: data, predictableCallIDs: true) {
            orders,
            worker in
            #expect(orders.whose() == 7)
            #expect(worker.context.callID == "orders.worker.0")
            #expect(WorkerContext.current === worker.context)
            _ = try await orders.place(customer: "ada", items: [])
            let headers = try #require(worker.dispatches.first).message.properties.headers
            #expect(headers["nameko.user_id"] == 7)
            #expect(headers["nameko.call_id_stack"] == ["orders.worker.0"])
        }
        #expect(WorkerContext.current == nil)
    }

    @Test func configurationIsTheTests() async throws {
        let config = ConfigReader(provider: InMemoryProvider(values: ["currency": "TRY"]))
        try await withWorker(Shop.Orders(), config: config) { orders, _ in
            let currency = try orders.currency()
            #expect(currency == "TRY")
        }
    }

    @Test func whatTheBodyReturnsAndThrowsComesBack() async throws {
        #expect(try await withWorker(Shop.Orders()) { _, _ in 7 } == 7)
        await #expect(throws: Shop.Refused.self) {
            try await withWorker(Shop.Orders()) { orders, _ in _ = try await orders.place(customer: "", items: []) }
        }
    }
}
