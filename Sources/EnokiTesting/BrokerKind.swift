import Enoki
package import EnokiInProcess
package import Logging

/// A broker that the services of a test run on.
///
/// `EnokiTesting` knows ``inProcess``; `EnokiTestingTraits` adds `rabbitMQ`, and traits that choose one for a test or a suite.
public struct BrokerKind: Sendable, Hashable, CustomStringConvertible {
    /// Makes a broker with nothing in it, and removes it when `body` has ended.
    package typealias Serve = @Sendable (BrokerOrder, _ body: (BrokerSite) async throws -> Void) async throws -> Void

    /// The name of the broker.
    public let description: String
    package let serve: Serve

    package init(_ description: String, serve: @escaping Serve) {
        self.description = description
        self.serve = serve
    }

    /// Makes a broker, runs `body` with it, and removes it.
    func serving<Value>(_ order: BrokerOrder, _ body: (BrokerSite) async throws -> Value) async throws -> Value {
        var value: Value?
        try await self.serve(order) { value = try await body($0) }
        guard let value else { throw CancellationError() }
        return value
    }

    /// Compares the names.
    public static func == (left: Self, right: Self) -> Bool { left.description == right.description }
    /// Hashes the name.
    public func hash(into hasher: inout Hasher) { hasher.combine(self.description) }

    /// The broker inside the process, new and empty; its time is the test's.
    public static let inProcess = BrokerKind("in-process") { order, body in
        let server = InProcessBroker(
            clock: order.clock,
            seed: order.clock.seed,
            faults: order.faults,
            logger: order.logger
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            try await body(BrokerSite(inProcess: server) { server.connect(name: $0) })
        }
    }

    /// The broker of tests that do not name one: a trait can set it, otherwise it is ``inProcess``.
    @TaskLocal public static var current = BrokerKind.inProcess
}

/// What a test wants of its broker.
package struct BrokerOrder: Sendable {
    /// The clock of a broker whose time is the test's.
    package let clock: VirtualClock
    /// What goes wrong, on a broker that can be told.
    package let faults: FaultPlan
    package let logger: Logger
}

/// A broker that serves a test.
package struct BrokerSite: Sendable {
    /// The broker itself, where it is inside the process.
    package let inProcess: InProcessBroker?
    /// Makes the connection of one process; whoever makes it runs it.
    package let connect: @Sendable (_ name: String) throws -> any Broker

    package init(inProcess: InProcessBroker? = nil, connect: @escaping @Sendable (String) throws -> any Broker) {
        self.inProcess = inProcess
        self.connect = connect
    }
}
