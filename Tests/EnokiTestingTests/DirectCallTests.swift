import EnokiTestSupport
import EnokiTesting
import Testing

@Suite struct DirectCallTests {
    @Test func anRPCMethodIsCalledByNameAndByContract() async throws {
        try await withServices(Shop.Orders(), Shop.Payments(), stubbing: [Shop.priceIs20]) { cluster in
            let order: Shop.Order = try await cluster.entrypoint(Shop.Orders.self, "place")(
                customer: "ada",
                items: [Shop.Item(sku: "teapot")]
            )
            #expect(order == Shop.Order(id: 1, customer: "ada", receipt: 1020))
            let byPosition: Shop.Order = try await cluster.entrypoint(Shop.Orders.self, "place")(
                "bob",
                [Shop.Item(sku: "cup")]
            )
            #expect(byPosition.customer == "bob")
            let charge = cluster.entrypoint(Shop.Payments.self, "charge")
            #expect(try await charge.call(Shop.Charge(customer: "ada", euros: 5)) == 1005)
        }
    }

    @Test func theResultIsAlsoReadAsACallerWouldReadIt() async throws {
        try await withServices(Shop.Orders(), Shop.Payments(), stubbing: [Shop.priceIs20]) { cluster in
            let place = cluster.entrypoint(Shop.Orders.self, "place")
            let order: [String: JSONValue] = try await place(customer: "ada", items: [Shop.Item]())
            #expect(order == ["id": 1, "customer": "ada", "receipt": 1020])
            let error = await #expect(throws: ExpectationError.self) {
                let _: [Int] = try await place(customer: "ada", items: [Shop.Item]())
            }
            #expect(error?.description == "orders.place returned a value of type Order, not of Array<Int>")
        }
    }

    @Test func theErrorIsTheMethodsOwn() async throws {
        try await withServices(Shop.Orders(), Shop.Payments()) { cluster in
            await #expect(throws: Shop.Refused.self) {
                try await cluster.entrypoint(Shop.Orders.self, "place")(customer: "", items: [Shop.Item]())
            }
            await #expect(throws: IncorrectSignature("place() missing 1 required argument: 'items'")) {
                try await cluster.entrypoint(Shop.Orders.self, "place")(customer: "ada")
            }
        }
    }

    @Test func anEventHandlerATimerAndACallAtStartAreCalledToo() async throws {
        try await withServices(Shop.Orders(), Shop.Payments()) { cluster in
            try await cluster.entrypoint(Shop.Payments.self, "book").call(Shop.OrderPlaced(customer: "ada"))
            try await cluster.entrypoint(Shop.Orders.self, "on_charged")(["euros": 3])
            await #expect(throws: Shop.Refused.self) {
                try await cluster.entrypoint(Shop.Orders.self, "on_charged")(["euros": 0])
            }
            try await cluster.entrypoint(Shop.Orders.self, "expire")()
            let expired = cluster.expect(Shop.Payments.self, "warm_up")
            try await cluster.entrypoint(Shop.Payments.self, "warm_up")()
            try await expired.value()
            await #expect(throws: IncorrectSignature("expire() takes no arguments, and some were given")) {
                try await cluster.entrypoint(Shop.Orders.self, "expire")(1)
            }
        }
    }

    @Test func theHooksOfProvidersRunAndTheCallIsRecorded() async throws {
        let orders = Shop.Orders()
        try await withServices(orders) { cluster in
            let session: String = try await cluster.entrypoint(Shop.Orders.self, "session")()
            #expect(session == "session of session")
            #expect(orders.sessions.log.withLock { $0 } == ["setup", "result", "teardown"])
            #expect(cluster.calls.map(\.entrypoint) == ["session"])
        }
    }

    @Test func theCallHasTheContextThatTheTestGives() async throws {
        try await withServices(Shop.Orders(), predictableCallIDs: true) { cluster in
            let whose = cluster.entrypoint(Shop.Orders.self, "whose", contextData: ["user_id": 7])
            let user: Int = try await whose()
            #expect(user == 7)
            #expect(cluster.calls.first?.context.callIDStack == ["orders.whose.0"])
        }
    }

    @Test func theInstanceIsTheOneThatTheTestNames() async throws {
        try await withServices(Shop.Orders(), Shop.Orders()) { cluster in
            for instance in [1, 0] {
                try await cluster.entrypoint(Shop.Orders.self, "expire", instance: instance)()
            }
            #expect(cluster.calls.map(\.instance) == [1, 0])
            let error = await #expect(throws: ExpectationError.self) {
                try await cluster.entrypoint(Shop.Orders.self, "expire", instance: 2)()
            }
            #expect(error?.description == "service 'orders' has no instance 2: it has 0, 1")
        }
    }

    @Test func aWrongNameIsCorrected() async throws {
        try await withServices(Shop.Orders()) { cluster in
            let entrypoint = await #expect(throws: ExpectationError.self) {
                try await cluster.entrypoint(Shop.Orders.self, "plase")()
            }
            #expect(
                entrypoint?.description
                    == "service 'orders' has no entrypoint 'plase': did you mean 'place'? It has expire, "
                    + "on_charged, place, session, whose"
            )
            let service = await #expect(throws: ExpectationError.self) {
                try await cluster.entrypoint(Shop.Payments.self, "charge")()
            }
            #expect(service?.description == "service 'payments' is not among the services of the test: it has orders")
        }
    }

    @Test func aCallThatDoesNotEndFailsWithWhatHappened() async throws {
        struct Waiting: Microservice {
            static let name = "waiting"
            let clock: Latch
            var entrypoints: [any Entrypoint] { Dummy("wait") { await clock.wait() } }
        }
        let gate = Latch()
        try await withServices(Waiting(clock: gate), predictableCallIDs: true, patience: .milliseconds(50)) { cluster in
            let error = await #expect(throws: ExpectationError.self) {
                try await cluster.entrypoint(Waiting.self, "wait")()
            }
            #expect(
                error?.description == """
                    waiting.wait was called and did not end within 0.05 seconds

                    no call has ended
                    calls that are still running:
                      waiting.wait on instance 0 (waiting.wait.0)
                    """
            )
            gate.open()
            try await eventually("it ends") { cluster.calls.count == 1 }
        }
    }

    @Test func aDummyNeverFiresAndIsCalledWithArguments() async throws {
        struct Adder: Microservice {
            static let name = "adder"
            var entrypoints: [any Entrypoint] {
                Dummy("add", "x", "y") { (x: Int, y: Int) in x + y }
                Dummy("note", "x") { (x: Int) in }
            }
        }
        try await withServices(Adder()) { cluster in
            let sum: Int = try await cluster.entrypoint(Adder.self, "add")(x: 1, y: 2)
            #expect(sum == 3)
            try await cluster.entrypoint(Adder.self, "note")(1)
            #expect(try cluster.container(of: Adder.self).entrypoints.map(\.kind) == ["Dummy", "Dummy"])
            #expect(try cluster.snapshot().queues.isEmpty)
        }
    }

    @Test func anEntrypointOfOnesOwnSaysThatItCannotBeCalled() async throws {
        struct Odd: Entrypoint {
            let name = "odd"
            struct Bound: BoundEntrypoint {
                let summary = EntrypointSummary(kind: "Odd", name: "odd", trigger: "never")
                func start() async throws {}
                func stop() async {}
            }
            func bind(to container: ServiceContainer) throws -> any BoundEntrypoint { Bound() }
        }
        struct Oddity: Microservice {
            static let name = "oddity"
            var entrypoints: [any Entrypoint] { Odd() }
        }
        try await withServices(Oddity()) { cluster in
            let error = await #expect(throws: ExpectationError.self) {
                try await cluster.entrypoint(Oddity.self, "odd")()
            }
            #expect(error?.description.contains("oddity.odd is a Odd, which cannot be called") == true)
        }
    }
}
