public import Configuration
import Enoki
public import EnokiInProcess
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
/// Broker, services and test run on the clock's executor, one task at a time, see ``VirtualExecutor``: an advance of the
/// clock returns when all that it set off is done, and with a seed a test runs in the same order each time. A test that is
/// isolated to the main actor runs there, beside its services: advances are exact for it too, but the order is not the seed's
/// alone.
///
/// - Parameters:
///   - services: The services.
///   - replacements: Values that stand in for those of dependency providers.
///   - restrictions: The only entrypoints that are started, for services that shall not start all.
///   - stubs: What answers RPC methods in place of services that are not among `services`.
///   - settings: The settings of all containers; by default ``Enoki/ServiceSettings/testing``.
///   - config: What `Config` gives to the services.
///   - broker: The broker that they run on; `nil` is ``BrokerKind/current``, which a trait can set and which is otherwise a
///     new in-process broker.
///   - connect: Makes the broker connection of each process instead: for a broker of one's own.
///   - faults: What goes wrong on the in-process broker, and when.
///   - predictableCallIDs: Whether call ids end with numbers, counted from 0 for each entrypoint, instead of with random
///     UUIDs, and all other ids are numbers too.
///   - patience: How long, in real time, the test waits for what it expects, and for its services to stop; to start they have 10 seconds
///     at least.
///   - seed: Picks the order in which tasks go on: run a test with many, and one that failed again with its
///     ``VirtualClock/seed``. By default they take turns.
///   - logger: Where the services log; by default nowhere.
///   - body: The test.
/// - Throws: The first error of a service that failed, otherwise what `body` throws.
@discardableResult
public func withServices<Value: Sendable>(
    _ services: any Microservice...,
    replacing replacements: [Replacement] = [],
    restricting restrictions: [Restriction] = [],
    stubbing stubs: [RPCStub] = [],
    settings: ServiceSettings = .testing,
    config: ConfigReader = ConfigReader(provider: InMemoryProvider(values: [:])),
    on broker: BrokerKind? = nil,
    connect: (@Sendable () throws -> any Broker)? = nil,
    faults: FaultPlan = .none,
    predictableCallIDs: Bool = false,
    patience: Duration = .seconds(10),
    seed: UInt64? = nil,
    logger: Logger = Logger(label: "enoki.testing", factory: { _ in SwiftLogNoOpLogHandler() }),
    _ body: (Cluster) async throws -> Value
) async throws -> Value {
    try await withServices(
        services,
        replacing: replacements,
        restricting: restrictions,
        stubbing: stubs,
        settings: settings,
        config: config,
        on: broker,
        connect: connect,
        faults: faults,
        predictableCallIDs: predictableCallIDs,
        patience: patience,
        seed: seed,
        logger: logger,
        body
    )
}

/// Runs services on a broker of their own for the length of `body`: as the other `withServices`, for a list of services.
@discardableResult
public func withServices<Value: Sendable>(
    _ services: [any Microservice],
    replacing replacements: [Replacement] = [],
    restricting restrictions: [Restriction] = [],
    stubbing stubs: [RPCStub] = [],
    settings: ServiceSettings = .testing,
    config: ConfigReader = ConfigReader(provider: InMemoryProvider(values: [:])),
    on broker: BrokerKind? = nil,
    connect: (@Sendable () throws -> any Broker)? = nil,
    faults: FaultPlan = .none,
    predictableCallIDs: Bool = false,
    patience: Duration = .seconds(10),
    seed: UInt64? = nil,
    logger: Logger = Logger(label: "enoki.testing", factory: { _ in SwiftLogNoOpLogHandler() }),
    _ body: (Cluster) async throws -> Value
) async throws -> Value {
    let plan = ClusterPlan(
        services: services,
        replacements: replacements,
        restrictions: restrictions,
        stubs: stubs,
        settings: settings,
        config: config,
        predictableCallIDs: predictableCallIDs,
        patience: patience,
        logger: logger
    )
    guard connect == nil || (broker == nil && faults == .none) else {
        throw ConfigurationError(
            "`connect:` names a broker of the test's own: leave out `on:`, and `faults:`, which that broker knows nothing of"
        )
    }
    let clock = VirtualClock(seed: seed)
    return try await withTaskExecutorPreference(clock.executor) {
        guard let connect else {
            let order = BrokerOrder(clock: clock, faults: faults, logger: logger)
            return try await (broker ?? .current).serving(order) { site in
                try await Cluster(plan, on: site, clock: clock).run(body)
            }
        }
        return try await Cluster(plan, on: BrokerSite { _ in try connect() }, clock: clock).run(body)
    }
}
