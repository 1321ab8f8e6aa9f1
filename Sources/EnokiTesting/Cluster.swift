public import Enoki
public import EnokiInProcess

/// The services of a test, each instance as if in a process of its own, and a client beside them.
public final class Cluster: Sendable {
    /// The services' clock: it moves only when the test says so.
    public let clock: VirtualClock

    /// The client's connection to the broker, for what lies below services: queues, raw messages.
    public let broker: any Broker

    let patience: Duration
    let site: BrokerSite
    let hosts: [ServiceHost]
    let client: ServiceHost
    let recorder: CallRecorder
    let stubbed: StubbedRequests
    let codecs: Codecs
    let ready = Latch()
    let failure = Locked<(any Error)?>(nil)

    init(_ plan: ClusterPlan, on site: BrokerSite, clock: VirtualClock) throws {
        let stubbed = StubbedRequests(plan.stubs, codecs: plan.codecs)
        let recorder = CallRecorder(codecs: plan.codecs)
        let overrides = try plan.overrides(stubbed)
        var clientOverrides = ProcessOverrides()
        clientOverrides.ids = overrides.ids
        self.clock = clock
        self.site = site
        self.patience = plan.patience
        self.codecs = plan.codecs
        self.stubbed = stubbed
        self.recorder = recorder
        self.broker = try site.connect("client")
        self.client = try ServiceHost(
            broker: self.broker,
            services: [],
            settings: plan.settings,
            config: plan.config,
            codecs: plan.codecs,
            // Of what a test waits for itself it need not move the time.
            clock: ContinuousClock(),
            logger: plan.logger,
            overrides: clientOverrides
        )
        let started = clientOverrides.unixTime()
        self.hosts = try plan.processes.enumerated().map { instance, services in
            var logger = plan.logger
            logger[metadataKey: "instance"] = "\(instance)"
            var overrides = overrides
            overrides.observe = { recorder.record($0, in: instance) }
            // A test that advances its clock by the delay of a retry sees it.
            overrides.chance = { 0 }
            overrides.unixTime = { started &+ UInt64(clamping: clock.now.offset.components.seconds) }
            return try ServiceHost(
                broker: site.connect("instance-\(instance)"),
                services: services,
                settings: plan.settings,
                config: plan.config,
                codecs: plan.codecs,
                clock: clock,
                logger: logger,
                overrides: overrides
            )
        }
    }

    /// A proxy for calls to `service`.
    ///
    /// - Parameters:
    ///   - service: The name of the service that is called.
    ///   - timeout: How long each call may take, in real time; `nil` is the test's patience.
    ///   - errors: Errors that calls by name may throw as what they are; others are `RemoteError`.
    public func rpc(
        _ service: String,
        timeout: Duration? = nil,
        errors: [any RemoteException.Type] = []
    ) -> RPCProxy {
        self.client.rpc(service, timeout: timeout ?? self.patience, errors: errors)
    }

    /// Publishes an event in the name of its source.
    public func dispatch(_ event: some Event) async throws { try await self.client.dispatch(event) }

    /// Publishes an event of type `type` in the name of service `source`.
    public func dispatch(from source: String, _ type: String, _ data: some Encodable & Sendable) async throws {
        try await self.client.dispatch(from: source, type, data)
    }

    /// All calls that have ended so far, in the order in which they ended.
    public var calls: [RecordedCall] { self.recorder.calls }

    /// The requests of a contract that the stubs of the test have answered so far, in order.
    ///
    /// - Throws: `DecodingError` for a call that is not one of the contract.
    public func called<Contract: RPCRequest>(_ contract: Contract.Type) throws -> [Contract] {
        try self.stubbed.requests(contract)
    }

    /// The arguments of the calls of `method` of `service` that the stubs of the test have answered so far, in order.
    public func called(_ service: String, _ method: String) -> [CallArguments] {
        self.stubbed.arguments(service, method)
    }
}
