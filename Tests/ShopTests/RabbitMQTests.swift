import EnokiRabbitMQ
import EnokiTestSupport
import EnokiTesting
import Foundation
import Testing

@testable import shop

/// The shop as processes on a broker that is none of them: RabbitMQ, and where it says so the AMQP port too.
@Suite struct RabbitMQTests {
    private func shop(_ arguments: String..., body: (ChildProcess) async throws -> Void) async throws {
        try await ChildProcess.with(BuiltExecutable.path("shop"), ["run"] + arguments, body)
    }

    private func isRunning(_ child: ChildProcess) async throws {
        for service in ["orders", "payments", "stock"] {
            try await eventually("\(service) runs in process \(child.id)", within: .seconds(30)) {
                child.errors
            } until: {
                $0.contains("[\(service)] started")
            }
        }
    }

    private func stopsGracefully(_ child: ChildProcess) async throws {
        child.send(signal: SIGTERM)
        let exit = try await child.ended()
        #expect(exit == .status(0))
    }

    private func count(_ text: String, in children: ChildProcess...) -> Int {
        children.map { $0.errors.split(separator: "\n").count { $0.contains(text) } }.reduce(0, +)
    }

    @Test(arguments: TestBroker.reachable)
    func twoProcessesShareTheWork(on broker: TestBroker) async throws {
        try await broker.withURI { uri in
            try await shop("--broker", uri) { first in
                try await shop("--broker", uri) { second in
                    try await isRunning(first)
                    try await isRunning(second)
                    let connect: @Sendable () throws -> any Broker = {
                        RabbitMQBroker(
                            configuration: try RabbitMQConfiguration.patient(uri: uri),
                            logger: TestBroker.silent
                        )
                    }
                    let orders = 10
                    try await withServices([], connect: connect) { cluster in
                        for number in 1...orders {
                            let order: Order = try await cluster.rpc("orders")
                                .place(customer: "customer \(number)", sku: "cup", quantity: 1)
                            #expect(order.sku == "cup")
                        }
                    }
                    try await eventually("every order is reserved once, in one of the processes", equals: orders) {
                        count("stock.reserve: event", in: first, second)
                    }
                    for call in ["orders.place: call", "stock.reserve: event", "payments.charge: call"] {
                        #expect(count(call, in: first) > 0, "the first process worked on none: \(call)")
                        #expect(count(call, in: second) > 0, "the second process worked on none: \(call)")
                    }
                    #expect(count("orders.place: call", in: first, second) == orders)
                    try await eventually("every order is booked once", equals: orders) {
                        count("payments.book: event", in: first, second)
                    }
                    try await stopsGracefully(first)
                    try await stopsGracefully(second)
                    #expect(count("error ", in: first, second) == 0)
                }
            }
        }
    }

    @Test(arguments: TestBroker.reachable)
    func aBroadcastReachesBothProcesses(on broker: TestBroker) async throws {
        try await broker.withURI { uri in
            try await shop("--broker", uri) { first in
                try await shop("--broker", uri) { second in
                    try await isRunning(first)
                    try await isRunning(second)
                    let connect: @Sendable () throws -> any Broker = {
                        RabbitMQBroker(
                            configuration: try RabbitMQConfiguration.patient(uri: uri),
                            logger: TestBroker.silent
                        )
                    }
                    try await withServices([], connect: connect) { cluster in
                        try await cluster.dispatch(PriceChanged(sku: "cup", euros: 7))
                    }
                    for child in [first, second] {
                        try await eventually("process \(child.id) notes the price", equals: 1) {
                            count("orders.note_price: event", in: child)
                        }
                    }
                    try await stopsGracefully(first)
                    try await stopsGracefully(second)
                }
            }
        }
    }

    @Test(
        .bug("https://github.com/nameko/nameko/issues/490", "nameko: a service does not start without its broker"),
        arguments: TestBroker.reachable
    )
    func aBrokerThatIsAbsentIsWaitedFor(on broker: TestBroker) async throws {
        try await broker.withURI { uri in
            let number = try #require(URLComponents(string: uri)?.port)
            let port = try LatePort()
            let lateURI = uri.replacing(":\(number)/", with: ":\(port.number)/")
            try await shop("--broker", lateURI) { child in
                try await eventually("it says that it waits") {
                    child.errors
                } until: {
                    $0.contains("waits for the broker; the services start when it answers")
                }
                #expect(count("started", in: child) == 0)
                try port.passOn(to: UInt16(number))
                try await isRunning(child)
                try await stopsGracefully(child)
            }
        }
    }

    @Test func aProcessThatWaitsForItsBrokerStopsAtOnce() async throws {
        let port = try LatePort()
        try await shop("--broker", "amqp://127.0.0.1:\(port.number)/") { child in
            try await eventually("it waits") {
                child.errors
            } until: {
                $0.contains("waits for the broker")
            }
            child.send(signal: SIGTERM)
            // The grace period is 25 seconds.
            let exit = try await child.ended(within: .seconds(20))
            #expect(exit == .status(0))
        }
    }

    @Test func aProcessWhoseBrokerSaysNothingStopsAtOnce() async throws {
        let port = try LatePort()
        try port.keepWaiting()
        try await shop("--broker", "amqp://127.0.0.1:\(port.number)/") { child in
            try await eventually("it runs") {
                child.errors
            } until: {
                $0.contains("runs orders, payments, stock")
            }
            child.send(signal: SIGTERM)
            let exit = try await child.ended(within: .seconds(8))
            #expect(exit == .status(0))
        }
    }

    @Test func withFailFastAnAbsentBrokerEndsTheProcessWith3() async throws {
        let port = try LatePort()
        try await shop("--fail-fast", "--broker", "amqp://ada:hunter2@127.0.0.1:\(port.number)/") { child in
            let exit = try await child.ended()
            #expect(exit == .status(3))
            #expect(child.errors.contains("shop: stopped by an error: connectionFailed: 127.0.0.1:\(port.number)"))
            #expect(!child.errors.contains("hunter2"))
        }
    }

    @Test func aRefusedLoginIsReportedAndEndsAFastFailingProcessWith3() async throws {
        let uri = try TestEnvironment.amqpURI.replacing("guest:guest", with: "guest:hunter2")
        try await shop("--broker", uri) { child in
            try await eventually("it says why") {
                child.errors
            } until: {
                $0.contains("login refused for user 'guest'")
            }
            try await stopsGracefully(child)
            #expect(!child.errors.contains("hunter2"))
        }
        try await shop("--fail-fast", "--broker", uri) { child in
            let exit = try await child.ended()
            #expect(exit == .status(3))
            #expect(child.errors.contains("login refused for user 'guest'"))
            #expect(!child.errors.contains("hunter2"))
        }
    }

    @Test func aMissingVirtualHostEndsAFastFailingProcessWith3() async throws {
        try await shop("--fail-fast", "--broker", try TestEnvironment.amqpURI + "nowhere") { child in
            let exit = try await child.ended()
            #expect(exit == .status(3))
            #expect(child.errors.contains("virtual host 'nowhere' does not exist"))
        }
    }

    @Test func aQueueThatExistsWithOtherArgumentsIsNamedAndEndsAStrictProcess() async throws {
        try await TestBroker.rabbitMQ.withFixture { fixture in
            let host = try #require(fixture.virtualHost)
            try await fixture.broker.declare(Topology(queues: [Queue("rpc-stock", arguments: ["x-max-length": 7])]))
            try await shop("stock", "--broker", host.uri) { child in
                try await eventually("stock runs") {
                    child.errors
                } until: {
                    $0.contains("[stock] started")
                }
                for part in ["used as it is", "rpc-stock", "x-max-length"] { #expect(child.errors.contains(part)) }
                try await stopsGracefully(child)
            }
            try await shop("stock", "--broker", host.uri, "-d", "strict_topology=true") { child in
                let exit = try await child.ended()
                #expect(exit == .status(1))
                #expect(child.errors.contains("rpc-stock"))
                #expect(child.errors.contains("x-max-length"))
            }
        }
    }

    @Test func theBrokerMayBeNamedInTheEnvironmentOrTheFile() async throws {
        try await RabbitMQVirtualHost.withFresh { host in
            let path = BuiltExecutable.path("shop")
            try await ChildProcess.with(path, ["run", "stock"], environment: ["AMQP_URI": host.uri]) { child in
                try await eventually("stock runs") {
                    child.errors
                } until: {
                    $0.contains("[stock] started")
                }
                try await eventually("its queue is there") {
                    try await host.queue("rpc-stock")
                } until: {
                    $0 != nil
                }
                try await stopsGracefully(child)
            }
            let file = FileManager.default.temporaryDirectory.appending(path: "enoki-\(UUID().uuidString).yaml")
            try Data("AMQP_URI: \(host.uri)\nmax_workers: 3\n".utf8).write(to: file)
            defer { try? FileManager.default.removeItem(at: file) }
            try await ChildProcess.with(path, ["run", "payments", "--config", file.path()]) { child in
                try await eventually("its queue is there") {
                    try await host.queue("rpc-payments")
                } until: {
                    $0 != nil
                }
                try await eventually("payments runs") {
                    child.errors
                } until: {
                    $0.contains("[payments] started")
                }
                try await stopsGracefully(child)
            }
        }
    }
}
