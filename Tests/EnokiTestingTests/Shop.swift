import Configuration
import EnokiTesting

/// The services that these tests test with.
enum Shop {
    struct Item: Codable, Sendable, Hashable {
        var sku: String
    }

    struct Order: Codable, Sendable, Hashable {
        var id: Int
        var customer: String
        var receipt: Int
    }

    struct Charge: RPCRequest, Hashable {
        static let service = "payments"
        static let method = "charge"
        static let errors: [any RemoteException.Type] = [Refused.self]
        typealias Reply = Int

        var customer: String
        var euros: Int
    }

    struct OrderPlaced: Event, Hashable {
        static let source = "orders"
        static let type = "order.placed"

        var customer: String
    }

    struct Refused: RemoteException, Hashable {
        static let path = "payments.Refused"
        init() {}
        init?(arguments: [JSONValue]) {}
        var arguments: [JSONValue] { [] }
    }

    /// Has a value for each call, and keeps what its hooks are called with.
    final class Sessions: DependencyProvider {
        let log = Locked<[String]>([])

        func dependency(for context: WorkerContext) async throws -> String { "session of \(context.entrypoint)" }
        func workerSetup(_ context: WorkerContext) async throws { self.log.withLock { $0.append("setup") } }
        func workerResult(_ context: WorkerContext, _ outcome: Outcome) async throws {
            self.log.withLock { $0.append("result") }
        }
        func workerTeardown(_ context: WorkerContext) async throws { self.log.withLock { $0.append("teardown") } }
    }

    struct Orders: Microservice {
        static let name = "orders"

        let payments = RPCProxy("payments")
        let stock = RPCProxy("stock", errors: [Refused.self])
        let events = EventDispatcher()
        let sessions = Sessions()
        let config = Config()

        var entrypoints: [any Entrypoint] {
            RPC("place", "customer", "items", method: place)
            RPC("session", method: session)
            RPC("whose", method: whose)
            EventHandler("on_charged", of: "payments", "charged", onCharged)
            Timer("expire", every: .seconds(30), expire)
        }

        func place(customer: String, items: [Item]) async throws -> Order {
            guard !customer.isEmpty else { throw Refused() }
            let price: Int = try await stock.price(sku: items.first?.sku ?? "")
            let receipt = try await payments(Charge(customer: customer, euros: price))
            try await events.dispatch(OrderPlaced(customer: customer))
            return Order(id: 1, customer: customer, receipt: receipt)
        }

        func session() throws -> String { try sessions.current }

        func whose() -> Int? { WorkerContext.current?.contextData["user_id"]?.integerValue.map(Int.init) }

        func onCharged(_ event: [String: Int]) throws { if event["euros"] == 0 { throw Refused() } }

        func expire() async throws {}

        func currency() throws -> String { try config.reader.string(forKey: "currency", default: "EUR") }
    }

    struct Payments: Microservice {
        static let name = "payments"

        var entrypoints: [any Entrypoint] {
            RPC(charge)
            EventHandler("book", book)
            Once("warm_up") {}
        }

        func charge(_ charge: Charge) throws -> Int {
            guard charge.customer != "eve" else { throw Refused() }
            return 1000 + charge.euros
        }

        func book(_ order: OrderPlaced) {}
    }

    static let priceIs20 = RPCStub.reply(to: "stock", "price", with: 20)
}
