public import Configuration
import Enoki
import EnokiInProcess
public import Logging

/// Runs services on a broker of their own for the length of `body`.
///
/// ```swift
/// @Test func placingAnOrderChargesIt() async throws {
///     try await withServices(Orders(), Payments()) { cluster in
///         let charged = cluster.expect(Orders.self, "on_charged")
///         let order: Order = try await cluster.rpc("orders").place(customer: "ada", items: [.one])
///         try await charged.value()
///     }
/// }
/// ```
///
/// `body` runs when all services have started; afterwards they are stopped gracefully. Services of one name are instances
/// of one service, as if each ran in a process of its own: give each its own value, `withServices(Orders(), Orders())`.
///
/// For the services time stands still: timers, deadlines and queue expiries wait until the test moves ``Cluster/clock``.
/// The test's own waits are in real time and end after `patience`.
///
/// - Parameters:
///   - services: The services.
///   - replacements: Values that stand in for those of dependency providers.
///   - settings: The settings of all containers.
///   - config: What `Config` gives to the services.
///   - connect: Makes the broker connection of each process; by default all connect to a new in-process broker.
///   - patience: How long, in real time, the test waits for what it expects, and for its services to stop.
///   - logger: Where the services log; by default nowhere.
///   - body: The test.
/// - Throws: The first error of a service that failed, otherwise what `body` throws.
@discardableResult
public func withServices<Value: Sendable>(
    _ services: any Microservice...,
    replacing replacements: [Replacement] = [],
    settings: ServiceSettings = ServiceSettings(),
    config: ConfigReader = ConfigReader(provider: InMemoryProvider(values: [:])),
    connect: (@Sendable () throws -> any Broker)? = nil,
    patience: Duration = .seconds(10),
    logger: Logger = Logger(label: "enoki.testing", factory: { _ in SwiftLogNoOpLogHandler() }),
    _ body: (Cluster) async throws -> Value
) async throws -> Value {
    try await withServices(
        services,
        replacing: replacements,
        settings: settings,
        config: config,
        connect: connect,
        patience: patience,
        logger: logger,
        body
    )
}

/// Runs services on a broker of their own for the length of `body`: as the other `withServices`, for a list of services.
@discardableResult
public func withServices<Value: Sendable>(
    _ services: [any Microservice],
    replacing replacements: [Replacement] = [],
    settings: ServiceSettings = ServiceSettings(),
    config: ConfigReader = ConfigReader(provider: InMemoryProvider(values: [:])),
    connect: (@Sendable () throws -> any Broker)? = nil,
    patience: Duration = .seconds(10),
    logger: Logger = Logger(label: "enoki.testing", factory: { _ in SwiftLogNoOpLogHandler() }),
    _ body: (Cluster) async throws -> Value
) async throws -> Value {
    let clock = VirtualClock()
    let server = InProcessBroker(clock: clock, logger: logger)
    let cluster = try Cluster(
        services: services,
        replacements: replacements,
        settings: settings,
        config: config,
        clock: clock,
        connect: { name in try connect?() ?? server.connect(name: name) },
        patience: patience,
        logger: logger
    )
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        defer { group.cancelAll() }
        return try await cluster.run(body)
    }
}
