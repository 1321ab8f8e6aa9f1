// The code of Docs/ComingFromNameko.md. Each piece stands between two marks, and runs in a test where it can.

import Configuration
import EnokiInProcess
import EnokiRabbitMQ
import EnokiTesting
import ServiceLifecycle
import Testing
import UnixSignals

// MARK: - One service in both languages

enum SideBySide {
    struct Orders: Microservice {
        static let name = "orders"

        let events = EventDispatcher()
        let stock = RPCProxy("stock")

        var entrypoints: [any Entrypoint] {
            RPC("place", "sku", "quantity", method: place)
            EventHandler("note_price", of: "stock", "price.changed", notePrice)
            Timer("expire", every: .seconds(30), expire)
        }

        func place(sku: String, quantity: Int?) async throws -> Int {
            let price: Int = try await stock.price(sku: sku)
            try await events.dispatch("order.placed", ["sku": sku])
            return price * (quantity ?? 1)
        }

        func notePrice(_ change: [String: JSONValue]) async throws {}

        func expire() async throws {}
    }

    struct Stock: Microservice {
        static let name = "stock"
        let events = EventDispatcher()
        var entrypoints: [any Entrypoint] {
            RPC("price", "sku") { (sku: String) in sku == "teapot" ? 20 : 5 }
            RPC("level", "sku") { (sku: String) in 8 }
            RPC("note", "sku", "euros") { (sku: String, euros: Int) in
                try await events.dispatch("price.changed", ["sku": .string(sku)] as [String: JSONValue])
            }
            RPC("reserve", "sku") { (sku: String) -> Int in throw Errors.OutOfStock(sku: sku) }
        }
    }

    @Test static func theServiceWorks() async throws {
        try await withServices(Orders(), Stock()) { cluster in
            let orders = cluster.rpc("orders")
            let one: Int = try await orders.place("teapot")
            let three: Int = try await orders.place(sku: "cup", quantity: 3)
            #expect((one, three) == (20, 15))
            let noted = cluster.expect(Orders.self, "note_price")
            let expired = cluster.expect(Orders.self, "expire")
            try await cluster.rpc("stock").note("cup", 6)
            try await noted.value()
            await cluster.clock.advance(by: .seconds(30))
            try await expired.value()
        }
    }
}

// MARK: - Handlers

struct Handlers: Microservice {
    static let name = "handlers"

    var entrypoints: [any Entrypoint] {
        EventHandler("on_price", of: "stock", "price.changed", onPrice)
        EventHandler("book", of: "orders", "order.*", mode: .singleton, book)
        EventHandler("flush", of: "ops", "flush", mode: .broadcast, flush)
        EventHandler("reload", of: "ops", "reload", mode: .broadcast(.hostname), reload)
        EventHandler("count", of: "orders", "order.placed", reliableDelivery: false, count)
        EventHandler("ship", of: "orders", "order.placed", requeueOnError: true, ship)
    }

    func onPrice(_ change: PriceChanged) async throws {}
    func book(_ order: JSONValue) async throws {}
    func flush() async throws {}
    func reload() async throws {}
    func count() async throws {}
    func ship(_ order: [String: String]) async throws {}

    struct PriceChanged: Codable {
        var sku: String
        var euros: Int
    }

    @Test static func theirQueuesAreNamekos() async throws {
        try await withServices(Handlers()) { cluster in
            for queue in [
                "evt-stock-price.changed--handlers.on_price", "evt-orders-order.*",
                "evt-orders-order.placed--handlers.count", "evt-orders-order.placed--handlers.ship",
            ] {
                #expect(try await cluster.broker.inspect(queue: queue).consumerCount == 1)
            }
            let handled = ["on_price", "book", "flush", "reload", "count", "ship"].map {
                cluster.expect(Handlers.self, $0)
            }
            try await cluster.dispatch(from: "stock", "price.changed", ["sku": "cup", "euros": 6] as JSONValue)
            try await cluster.dispatch(from: "orders", "order.placed", ["sku": "cup"])
            for type in ["flush", "reload"] { try await cluster.dispatch(from: "ops", type, JSONValue.null) }
            for expectation in handled { try await expectation.value() }
        }
    }
}

// MARK: - Calls

struct Calls: Microservice {
    static let name = "calls"

    let stock = RPCProxy("stock", timeout: .seconds(5))

    var entrypoints: [any Entrypoint] {
        RPC("all", method: all)
        RPC("failing", method: failing)
    }

    func all() async throws -> Int {
        let price: Int = try await stock.price(sku: "teapot")  // stock.price(sku="teapot")
        let level: Int = try await stock["level"]("teapot")  // getattr(stock, "level")("teapot")
        try await stock.note("teapot", 21)  // a result that does not matter

        async let first: Int = stock.price(sku: "teapot")  // first = stock.price.call_async(sku="teapot")
        async let second: Int = stock.price(sku: "cup")  // second = stock.price.call_async(sku="cup")
        let both = try await first + second  // both = first.result() + second.result()

        let quick: Int = try await stock.timeout(.seconds(1)).price(sku: "cup")
        return price + level + both + quick
    }

    func failing() async throws -> String {
        do {
            let _: Int = try await stock.reserve(sku: "teapot")
            return "reserved"
        } catch let error as RemoteError where error.type == "OutOfStock" {
            return error.value
        }
    }

    @Test static func theyAnswer() async throws {
        try await withServices(Calls(), SideBySide.Stock()) { cluster in
            let sum: Int = try await cluster.rpc("calls").all()
            #expect(sum == 20 + 8 + 25 + 5)
            let caught: String = try await cluster.rpc("calls").failing()
            #expect(caught == "teapot is out of stock")
        }
    }
}

// MARK: - Errors

enum Errors {
    struct OutOfStock: RemoteException, CustomStringConvertible {
        static let path = "shop.errors.OutOfStock"  // the module and the class in Python

        let sku: String

        var arguments: [JSONValue] { [.string(sku)] }
        var description: String { "\(sku) is out of stock" }

        init(sku: String) { self.sku = sku }

        init?(arguments: [JSONValue]) {
            guard case .string(let sku)? = arguments.first else { return nil }
            self.sku = sku
        }
    }

    struct Client: Microservice {
        static let name = "client_of_errors"

        let stock = RPCProxy("stock", errors: [OutOfStock.self])

        var entrypoints: [any Entrypoint] { RPC("try_it", method: tryIt) }

        func tryIt() async throws -> String {
            do {
                let _: Int = try await stock.reserve(sku: "teapot")
                return "reserved"
            } catch let error as OutOfStock {
                return "no more \(error.sku)"
            }
        }
    }

    @Test static func aKnownErrorIsCaughtAsItself() async throws {
        try await withServices(Client(), SideBySide.Stock()) { cluster in
            let answer: String = try await cluster.rpc("client_of_errors").try_it()
            #expect(answer == "no more teapot")
        }
    }
}

// MARK: - Dependency providers

/// Stands for a database in what follows.
actor Database {
    private(set) var log: [String] = []

    func write(_ line: String) { log.append(line) }
}

struct Session {
    let database: Database
    let call: String

    func insert(_ row: String) async { await database.write("insert \(row)") }
    func commit() async throws { await database.write("commit") }
    func rollback() async { await database.write("rollback") }
}

final class Sessions: DependencyProvider {
    let database = Database()

    func setup(_ container: ServiceContainer) async throws { await database.write("open") }

    func dependency(for context: WorkerContext) async throws -> Session {
        Session(database: database, call: context.callID)
    }

    func workerResult(_ context: WorkerContext, _ outcome: Outcome) async throws {
        if outcome.error == nil { try await current.commit() } else { try await current.rollback() }
    }

    func stop() async throws { await database.write("close") }
}

struct Customers: Microservice {
    static let name = "customers"

    var sessions = Sessions()
    let config = Config()

    var entrypoints: [any Entrypoint] {
        RPC("add", "name", expecting: [Unwanted.self], method: add)
        RPC("whoami", method: whoami)
        RPC("currency", method: currency)
    }

    func add(name: String) async throws {
        guard !name.isEmpty else { throw Unwanted() }
        try await sessions.current.insert(name)
    }

    func whoami() async -> [String] {
        let context = WorkerContext.current
        let user = context?.contextData["user_id"]?.integerValue
        return [context?.callIDStack.first ?? "", "\(user ?? 0)"]
    }

    func currency() async throws -> String {
        try config.reader.string(forKey: "currency", default: "EUR")
    }

    struct Unwanted: Error {}

    @Test static func aCallCommitsOrRollsBack() async throws {
        let sessions = Sessions()
        try await withServices(Customers(sessions: sessions)) { cluster in
            let customers = cluster.rpc("customers")
            try await customers.add(name: "Ada")
            await #expect(throws: RemoteError.self) { try await customers.add(name: "") }
        }
        #expect(await sessions.database.log == ["open", "insert Ada", "commit", "rollback", "close"])
    }

    @Test static func aTestReplacesTheSession() async throws {
        let fake = Database()
        let session = Session(database: fake, call: "")
        try await withServices(Customers(), replacing: [Replacement(\Customers.sessions, with: session)]) { cluster in
            try await cluster.rpc("customers").add(name: "Ada")
        }
        #expect(await fake.log == ["insert Ada"])
    }

    @Test static func aServiceReadsItsConfiguration() async throws {
        let config = ConfigReader(provider: InMemoryProvider(values: ["currency": "CHF"]))
        try await withServices(Customers(), config: config) { cluster in
            let currency: String = try await cluster.rpc("customers").currency()
            #expect(currency == "CHF")
            let who: [String] = try await cluster.rpc("customers").whoami()
            #expect(who.first?.hasPrefix("client.call.") == true)
        }
    }
}

// MARK: - Hosts

func runOrders(logger: Logger) async throws {
    let broker = RabbitMQBroker(configuration: try RabbitMQConfiguration(uri: "amqp://localhost"), logger: logger)
    let host = try ServiceHost(broker: broker, services: [Orders()], logger: logger)
    try await ServiceGroup(services: [host], gracefulShutdownSignals: [.sigterm], logger: logger).run()
}

func askOnce(_ broker: any Broker, logger: Logger) async throws -> Int {
    let client = try ServiceHost(broker: broker, logger: logger)
    async let running: Void = client.run()
    let price: Int = try await client.rpc("stock").price(sku: "teapot")
    try await client.dispatch(from: "stock", "price.changed", ["sku": "teapot"])
    client.stop()
    try await running
    return price
}

@Test func aClientAsksAndEnds() async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let broker = InProcessBroker(logger: logger)
    try await withThrowingTaskGroup { group in
        let stock = try ServiceHost(broker: broker, services: [SideBySide.Stock()], logger: logger)
        group.addTask { try await stock.run() }
        try await stock.waitUntilStarted()
        #expect(try await askOnce(broker.connect(name: "client"), logger: logger) == 20)
        stock.stop()
        try await group.waitForAll()
    }
}

// MARK: - Tests

@Test func aHandlersErrorReachesTheTest() async throws {
    try await withServices(Customers()) { cluster in
        let unwanted = cluster.expect(Customers.self, "add") { $0.outcome.error != nil }
        _ = try? await cluster.rpc("customers").add(name: "")
        await #expect(throws: Customers.Unwanted.self) { try await unwanted.value() }
    }
}
