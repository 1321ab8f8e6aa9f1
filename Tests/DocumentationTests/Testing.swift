// The code of Docs/Testing.md; it tests the services of README.md.

import EnokiTestingTraits
import Testing

@Suite struct TestingGuide {
    @Test func expectations() async throws {
        try await withServices(Orders(), Payments()) { cluster in
            let charged = cluster.expect(Payments.self, "charge")
            let expensive = cluster.expect(Payments.self, "charge") { try $0.request(as: Charge.self).euros > 10 }
            let booked = cluster.expect(Payments.self, "book", count: 2)

            for sku in ["cup", "teapot"] {
                let _: Int = try await cluster.rpc("orders").place(customer: "Ada", sku: sku)
            }

            let receipt: Int = try await charged.result()  // of the first call; throws the error of one that failed
            #expect(receipt == 1005)
            let call = try await expensive.value()  // the call itself: context, arguments, outcome
            #expect(call.arguments["customer"] == "Ada")
            for call in try await booked.values() {  // all of them, failed or not
                #expect(try call.event(as: OrderPlaced.self).customer == "Ada")
            }
        }
    }

    @Test func faults() async throws {
        try await withServices(Payments(), faults: [.duplicate(.delivery(1))]) { cluster in
            let booked = cluster.expect(Payments.self, "book", count: 2)
            try await cluster.dispatch(OrderPlaced(customer: "Ada", sku: "cup"))
            let copies = try await booked.values().map(\.context.redelivered)
            #expect(copies == [false, true])
        }
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func everyOrderIsBooked(seed: UInt64) async throws {
        let faults = FaultPlan.random(seed: seed, kinds: [.duplicates, .cancelledConsumers])
        try await withServices(Orders(), Payments(), faults: faults, seed: seed) { cluster in
            let booked = cluster.expect(Payments.self, "book")
            let _: Int = try await cluster.rpc("orders").place(customer: "Ada", sku: "cup")
            try await booked.value()
            try await cluster.waitUntilQuiet()
        }
    }

    @Test func delayedMessage() async throws {
        try await withServices(Payments()) { cluster in
            let later = Queue(
                "later",
                arguments: ["x-message-ttl": 5000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "now"]
            )
            try await cluster.broker.declare(Topology(queues: [later, Queue("now")]))
            try await cluster.broker.publish(Message("hello"), to: "", routingKey: "later")
            await cluster.clock.advance(by: .seconds(5))
            #expect(try cluster.snapshot()[queue: "now"]?.ready.count == 1)
            #expect(try cluster.snapshot().deadLetters.map(\.reason) == ["expired"])
        }
    }

    @Test func outage() async throws {
        try await withServices(Payments()) { cluster in
            let booked = cluster.expect(Payments.self, "book")
            let broker = try cluster.server()
            broker.stop()
            async let dispatched: Void = cluster.dispatch(OrderPlaced(customer: "Ada", sku: "cup"))
            try await cluster.waitUntilQuiet()  // it waits for the broker
            #expect(cluster.calls.isEmpty)
            broker.start()
            try await dispatched
            try await booked.value()
        }
    }

    @Test func never() async throws {
        try await withServices(Orders(), Payments()) { cluster in
            let booked = cluster.expect(Payments.self, "book")
            let _: Int = try await cluster.rpc("payments").price(sku: "teapot")
            try await booked.never()
        }
    }

    @Test func stubs() async throws {
        let stubs: [RPCStub] = [
            .reply(to: "payments", "price", with: 7),
            .reply(to: Charge.self) { charge in 2000 + charge.euros },
        ]
        try await withServices(Orders(), stubbing: stubs) { cluster in
            let receipt: Int = try await cluster.rpc("orders").place(customer: "Ada", sku: "cup")
            #expect(receipt == 2007)
            #expect(try cluster.called(Charge.self).map(\.customer) == ["Ada"])
        }
    }

    @Test func replacements() async throws {
        let fake = Database()
        let session = Session(database: fake, call: "")
        try await withServices(Customers(), replacing: [Replacement(\Customers.sessions, with: session)]) { cluster in
            try await cluster.rpc("customers").add(name: "Ada")
        }
        #expect(await fake.log == ["insert Ada"])
    }

    @Test func restrictions() async throws {
        let onlyCharge = Restriction(Payments.self, to: "charge")
        try await withServices(Payments(), restricting: [onlyCharge]) { cluster in
            let started = try cluster.container(of: Payments.self).entrypoints.map(\.name)
            #expect(started == ["charge"])
        }
    }

    @Test func directCalls() async throws {
        try await withServices(Orders(), Payments()) { cluster in
            let price: Int = try await cluster.entrypoint(Payments.self, "price")(sku: "teapot")
            let receipt = try await cluster.entrypoint(Payments.self, "charge").call(Charge(customer: "Ada", euros: 5))
            let book = cluster.entrypoint(Payments.self, "book", contextData: ["language": "tr"])
            try await book.call(OrderPlaced(customer: "Ada", sku: "teapot"))
            #expect((price, receipt) == (20, 1005))
        }
    }

    @Test func aWorker() async throws {
        let stubs: [RPCStub] = [.reply(to: "payments", "price", with: 7), .reply(to: Charge.self, with: 1)]
        try await withWorker(Orders(), stubbing: stubs) { orders, worker in
            let receipt = try await orders.place(customer: "Ada", sku: "cup")
            #expect(receipt == 1)
            #expect(try worker.called(Charge.self).map(\.euros) == [7])
            #expect(try worker.dispatched(OrderPlaced.self).map(\.sku) == ["cup"])
        }
    }

    @Test func time() async throws {
        try await withServices(SideBySide.Orders(), SideBySide.Stock()) { cluster in
            let expired = cluster.expect(SideBySide.Orders.self, "expire", count: 3)
            await cluster.clock.advance(by: .seconds(90))
            try await expired.values()
        }
    }

    @Test func queues() async throws {
        try await withServices(Orders(), Payments()) { cluster in
            let copies = Binding(from: "orders.events", toQueue: "copies", routingKey: "#")
            try await cluster.broker.declare(Topology(queues: [Queue("copies")], bindings: [copies]))
            let _: Int = try await cluster.rpc("orders").place(customer: "Ada", sku: "cup")

            let message = try await cluster.takeMessage(from: "copies")
            #expect(message?.properties.contentType == "application/json")
            #expect(try cluster.snapshot()[queue: "copies"]?.ready.isEmpty == true)
            #expect(try cluster.snapshot().unroutable.isEmpty)
        }
    }

    @Test func predictableIDs() async throws {
        try await withServices(Orders(), Payments(), predictableCallIDs: true) { cluster in
            let charged = cluster.expect(Payments.self, "charge")
            let _: Int = try await cluster.rpc("orders").place(customer: "Ada", sku: "cup")
            let stack = try await charged.value().context.callIDStack
            #expect(stack == ["client.call.0", "orders.place.0", "payments.charge.0"])
        }
    }

    @Test func whatAFailingTestSays() async throws {
        let text = await #expect(throws: ExpectationError.self) {
            try await withServices(
                Orders(),
                Payments(),
                restricting: [Restriction(Payments.self, to: "price", "charge")],
                predictableCallIDs: true,
                patience: .seconds(2)
            ) { cluster in
                let booked = cluster.expect(Payments.self, "book")
                let _: Int = try await cluster.rpc("orders", timeout: .seconds(10)).place(customer: "Ada", sku: "cup")
                try await booked.value()
            }
        }
        let document = try Repository().text("Docs/Testing.md")
        let shown = try #require(text?.description).replacing("2.0 seconds", with: "10.0 seconds")
        #expect(document.contains("```text\n\(shown)\n```"), "\(shown)")
    }
}

@Suite struct BothBrokers {
    @Test(arguments: BrokerKind.allCases)
    func anOrderIsCharged(on broker: BrokerKind) async throws {
        try await withServices(Orders(), Payments(), on: broker) { cluster in
            let receipt: Int = try await cluster.rpc("orders").place(customer: "Ada", sku: "teapot")
            #expect(receipt == 1020)
        }
    }
}

@Suite(.broker(.rabbitMQ)) struct OnRabbitMQ {
    @Test func anOrderIsBooked() async throws {
        try await withServices(Orders(), Payments()) { cluster in
            let booked = cluster.expect(Payments.self, "book")
            let _: Int = try await cluster.rpc("orders").place(customer: "Ada", sku: "teapot")
            try await booked.value()
        }
    }
}
