import Configuration
import Enoki
import EnokiInProcess
import Logging

/// The services of a test, each instance as if in a process of its own, and a client beside them.
public final class Cluster: Sendable {
    /// The services' clock: it moves only when the test says so.
    public let clock: VirtualClock

    /// The client's connection to the broker, for what lies below services: queues, raw messages.
    public let broker: any Broker

    private let patience: Duration
    private let hosts: [ServiceHost]
    private let client: ServiceHost
    private let recorder = CallRecorder()
    private let ready = Latch()
    private let failure = Locked<(any Error)?>(nil)

    init(
        services: [any Microservice],
        replacements: [Replacement],
        settings: ServiceSettings,
        config: ConfigReader,
        clock: VirtualClock,
        connect: (_ name: String) throws -> any Broker,
        patience: Duration,
        logger: Logger
    ) throws {
        self.clock = clock
        self.patience = patience
        self.broker = try connect("client")
        self.client = try ServiceHost(broker: self.broker, settings: settings, logger: logger)
        let recorder = self.recorder
        var replaced: [ObjectIdentifier: any Sendable] = [:]
        for replacement in replacements { try replacement.apply(to: services, in: &replaced) }
        self.hosts = try Self.processes(of: services).enumerated().map { instance, services in
            var logger = logger
            logger[metadataKey: "instance"] = "\(instance)"
            return try ServiceHost(
                broker: connect("instance-\(instance)"),
                services: services,
                settings: settings,
                config: config,
                codecs: .json,
                clock: clock,
                logger: logger,
                replacements: replaced,
                observe: { context, outcome in
                    recorder.record(RecordedCall(instance: instance, context: context, outcome: outcome))
                }
            )
        }
    }

    /// As few processes as can be, with no name twice in one.
    private static func processes(of services: [any Microservice]) -> [[any Microservice]] {
        var processes: [[any Microservice]] = []
        for service in services {
            let name = type(of: service).name
            let free = processes.firstIndex { process in !process.contains { type(of: $0).name == name } }
            if let free { processes[free].append(service) } else { processes.append([service]) }
        }
        return processes
    }

    // MARK: - What a test does

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

    /// Expects that an entrypoint of a service is called from now on.
    ///
    /// - Parameters:
    ///   - service: The service.
    ///   - entrypoint: The name of the entrypoint.
    ///   - count: How often it is expected to be called.
    ///   - matches: Which calls count; by default all.
    public func expect<Service: Microservice>(
        _ service: Service.Type,
        _ entrypoint: String,
        count: Int = 1,
        where matches: @escaping @Sendable (RecordedCall) -> Bool = { _ in true }
    ) -> Expectation {
        let expectation = Expectation(
            service: service.name,
            entrypoint: entrypoint,
            count: count,
            patience: self.patience,
            recorder: self.recorder,
            matches: matches
        )
        self.recorder.add(expectation)
        if let mistake = self.mistake(in: service.name, entrypoint) { expectation.fail(mistake) }
        return expectation
    }

    /// Why no such call can come, so that a test with a misspelt name need not wait to learn it.
    private func mistake(in service: String, _ entrypoint: String) -> ExpectationError? {
        let containers = self.hosts.flatMap(\.containers).filter { $0.name == service }
        guard !containers.isEmpty else {
            return ExpectationError(description: "service '\(service)' is not among the services of the test")
        }
        let names = containers.flatMap { $0.entrypoints.map(\.name) }
        guard !names.contains(entrypoint) else { return nil }
        let known = Set(names).sorted().joined(separator: ", ")
        return ExpectationError(description: "service '\(service)' has no entrypoint '\(entrypoint)': it has \(known)")
    }

    /// All calls that have ended so far, in the order in which they ended.
    public var calls: [RecordedCall] { self.recorder.calls }

    // MARK: - Running

    func run<Value: Sendable>(_ body: (Cluster) async throws -> Value) async throws -> Value {
        try await withTaskGroup(of: Ending.self) { group in
            let hosts = self.hosts + [self.client]
            for host in hosts {
                group.addTask {
                    do {
                        try await host.run()
                    } catch {
                        self.fail(error)
                    }
                    return .host
                }
            }
            group.addTask {
                for host in hosts { try? await host.waitUntilStarted() }
                self.ready.open()
                return .other
            }
            await self.ready.wait()
            let result = await self.result(of: body)
            for host in hosts { host.stop() }
            self.startWaiting(in: &group)
            var running = hosts.count
            while running > 0, let ending = await group.next() {
                switch ending {
                case .host: running -= 1
                case .outOfPatience where hosts.contains { $0.runningCalls > 0 }:
                    self.fail(Self.stillRunning(after: self.patience))
                    // Cancelled, the services kill their calls and give the messages back.
                    group.cancelAll()
                case .outOfPatience: self.startWaiting(in: &group)
                case .other: break
                }
            }
            group.cancelAll()
            return self.failure.withLock { $0 }.map { .failure($0) } ?? result
        }
        .get()
    }

    private enum Ending { case host, outOfPatience, other }

    private func startWaiting(in group: inout TaskGroup<Ending>) {
        group.addTask {
            try? await ContinuousClock().sleep(for: self.patience)
            return .outOfPatience
        }
    }

    private static func stillRunning(after patience: Duration) -> ExpectationError {
        ExpectationError(
            description:
                "at the end of the test the services did not stop within \(patience): a call is still running, "
                + "which may wait for something that the test must give it, such as time; it was cancelled"
        )
    }

    private func result<Value>(of body: (Cluster) async throws -> Value) async -> Result<Value, any Error> {
        do {
            if let error = self.failure.withLock({ $0 }) { throw error }
            return .success(try await body(self))
        } catch {
            return .failure(error)
        }
    }

    private func fail(_ error: any Error) {
        guard !(error is CancellationError) else { return }
        self.failure.withLock { $0 = $0 ?? error }
        self.ready.open()
        self.recorder.fail(error)
    }
}
