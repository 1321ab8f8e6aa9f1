public import Configuration
public import Enoki
import EnokiInProcess
public import Logging

/// Runs `body` as a worker of `service`, without a broker: its methods are called as what they are, plain Swift.
///
/// ```swift
/// @Test func placingAnOrderChargesIt() async throws {
///     try await withWorker(Orders(), stubbing: [.reply(to: Charge.self, with: Receipt(number: 1))]) { orders, worker in
///         let order = try await orders.place(customer: "ada", items: [.one])
///         #expect(order.receipt == 1)
///         #expect(try worker.called(Charge.self).map(\.order) == [order.id])
///         #expect(try worker.dispatched(OrderPlaced.self).map(\.id) == [order.id])
///     }
/// }
/// ```
///
/// What the service depends on stands on its own feet:
///
/// - **An `RPCProxy`** is answered by the stubs; a call that none answers throws ``UnstubbedCall``.
/// - **An `EventDispatcher`** keeps what is dispatched for ``TestWorker/dispatched(_:)``.
/// - **A `Config`** reads `config`.
/// - **A provider with a value for each call** gives, as `current`, the value of its replacement; without one, reading it
///   throws ``UnreplacedDependency``.
/// - **Any other provider** is used as it is. No hook is called: one that must be set up is replaced where the service is
///   made, `Orders(store: FakeStore())`.
///
/// `WorkerContext.current` is that of one call of an entrypoint named `worker`; there is no deadline. Entrypoints, workers
/// and hooks are tested with ``Cluster/entrypoint(_:_:instance:contextData:)``.
///
/// - Parameters:
///   - service: The service.
///   - replacements: Values that stand in for those of dependency providers.
///   - stubs: What answers the calls that the service makes.
///   - settings: The settings of the container.
///   - config: What `Config` gives to the service.
///   - contextData: The context data of the call.
///   - predictableCallIDs: Whether the call id is `<service>.worker.0` instead of a random one.
///   - logger: Where the service logs; by default nowhere.
///   - body: The test.
/// - Throws: What `body` throws; `ConfigurationError` for a service, or a replacement, that cannot work.
@discardableResult
public func withWorker<Service: Microservice, Value>(
    _ service: Service,
    replacing replacements: [Replacement] = [],
    stubbing stubs: [RPCStub] = [],
    settings: ServiceSettings = ServiceSettings(),
    config: ConfigReader = ConfigReader(provider: InMemoryProvider(values: [:])),
    contextData: Headers = [:],
    predictableCallIDs: Bool = false,
    logger: Logger = Logger(label: "enoki.testing", factory: { _ in SwiftLogNoOpLogHandler() }),
    _ body: (Service, TestWorker) async throws -> Value
) async throws -> Value {
    var values: [ObjectIdentifier: any Sendable] = [:]
    for (property, provider) in service.namedDependencies where provider.makesValue {
        values[ObjectIdentifier(provider)] = AbsentDependency(
            UnreplacedDependency(service: "\(Service.self)", property: property, provider: "\(type(of: provider))")
        )
    }
    for replacement in replacements { try replacement.apply(to: [service], in: &values) }

    let broker = WorkerBroker()
    let stubbed = StubbedRequests(stubs, codecs: .json)
    var overrides = ProcessOverrides()
    if predictableCallIDs { overrides.ids = .numbered(IDSource.Numbers()) }
    overrides.intercept = { _ in StubbingSender(stubbed: stubbed, others: nil) }
    let host = try ServiceHost(
        broker: broker,
        services: [service],
        settings: settings,
        config: config,
        codecs: .json,
        clock: VirtualClock(),
        logger: logger,
        overrides: overrides
    )
    return try await host.containers[0].asWorker(of: "worker", data: contextData, values: values) { context in
        try await body(service, TestWorker(context: context, broker: broker, stubbed: stubbed))
    }
}

/// A service read a value of a dependency provider that the test has not replaced.
public struct UnreplacedDependency: Error, Sendable, Hashable, CustomStringConvertible {
    /// The type of the service.
    public let service: String
    /// The property that holds the provider; `nil` where none does.
    public let property: String?
    /// The type of the provider.
    public let provider: String

    /// What was read, and what to do.
    public var description: String {
        let path = "\\\(self.service).\(self.property ?? "…")"
        return
            "\(self.service) reads `\(self.property ?? self.provider).current`, and the test gives no value for it: add "
            + "`Replacement(\(path), with: …)` to `replacing`"
    }
}

extension Microservice {
    /// The dependency providers, with the names of the properties that hold them.
    fileprivate var namedDependencies: [(String?, any DependencyProvider)] {
        var names: [ObjectIdentifier: String] = [:]
        var mirror: Mirror? = Mirror(reflecting: self)
        while let current = mirror {
            for child in current.children {
                if let provider = child.value as? any DependencyProvider {
                    names[ObjectIdentifier(provider)] = child.label
                }
            }
            mirror = current.superclassMirror
        }
        return self.dependencies.map { (names[ObjectIdentifier($0)], $0) }
    }
}
