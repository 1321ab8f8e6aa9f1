public import Logging
public import ServiceLifecycle

/// Hosts one service: starts its dependency providers and entrypoints, and works on its calls.
///
/// A container starts in nameko's order: all providers are set up, then all are started, then the entrypoints begin. It
/// stops in the reverse order: entrypoints take no more calls, running calls end (within the grace period of the settings,
/// then they are cancelled and their messages go back), what was acknowledged reaches the broker, providers stop.
public final class ServiceContainer: Service, Sendable {
    /// The name of the service.
    public let name: String
    /// What tells this instance from others of the same service: new at each start.
    public let identifier: String
    /// A logger with the service's name in its metadata.
    public let logger: Logger

    let process: ProcessResources
    /// Opened when the entrypoints have started, or when it is sure that they will not.
    let startEnded = Latch()

    let dependencies: [any DependencyProvider]
    let pool = WorkerPool()
    let extensions = Locked(Extensions())
    let stopRequested = Latch()
    let failure = Locked<(any Error)?>(nil)
    let worker: Worker
    let settler: Settler
    /// The requests whose replies are on their way to the broker.
    let unanswered = InFlight()
    let publishes: UnsettledPublishes

    /// What the container consists of, as far as it is bound, set up and started.
    struct Extensions {
        var declared: [any Entrypoint] = []
        var summaries: [EntrypointSummary] = []
        var entrypoints: [any BoundEntrypoint] = []
        /// A few, in the order in which they were made.
        var shared: [any BoundEntrypoint] = []
        var setUp: [any DependencyProvider] = []
        var started: [any BoundEntrypoint] = []
        var areStarted = false
    }

    /// A container for `service` in the process of `host`.
    ///
    /// The host must run as long as the container does; containers of services that the host was made with it runs itself.
    ///
    /// - Throws: ``ConfigurationError`` for a service that cannot work: an impossible name, two entrypoints of one name, an
    ///   entrypoint whose parts do not fit together.
    public convenience init(_ service: any Microservice, host: ServiceHost) throws {
        try self.init(service, process: host.process)
    }

    init(_ service: any Microservice, process: ProcessResources) throws {
        self.name = type(of: service).name
        try Self.validate(name: self.name)
        self.identifier = process.overrides.ids.identifier(ofInstanceOf: self.name)
        self.process = process
        self.dependencies = service.dependencies.filter { process.overrides.replacements[ObjectIdentifier($0)] == nil }
        var logger = process.logger
        logger[metadataKey: LoggingKeys.service] = "\(self.name)"
        self.logger = logger
        self.worker = Worker(
            dependencies: self.dependencies,
            process: process,
            pool: self.pool,
            calls: CallsInWork(of: self.name, workers: process.settings.maxWorkers),
            logger: logger
        )
        self.publishes = UnsettledPublishes(broker: process.broker, timers: process.timers)
        self.settler = Settler(
            broker: process.broker,
            publishes: self.publishes,
            timers: process.timers,
            logger: logger
        )
        try self.bind(service.entrypoints)
    }

    /// What the container serves.
    public var entrypoints: [EntrypointSummary] { self.extensions.withLock { $0.summaries } }

    /// Whether the service has started; false again when it has stopped.
    var isStarted: Bool { self.extensions.withLock { $0.areStarted } }

    /// How many calls it is working on.
    var runningCalls: Int { self.pool.running }

    /// How many calls have outlived the timeout of their entrypoint and still run, though they were cancelled: each keeps a
    /// worker. When none is left the container stops, see ``NoWorkerLeft``.
    public var leakedCalls: Int { self.worker.calls.leaked }

    /// The settings that it runs with.
    public var settings: ServiceSettings { self.process.settings }

    /// Asks the container to stop gracefully; ``run()`` then returns.
    public func stop() { self.stopRequested.open() }

    /// Starts the service and serves it until ``stop()``, a graceful shutdown of the surrounding service group, or the
    /// task's cancellation, which kills it: running calls are cancelled and their messages go back.
    ///
    /// - Throws: The first error of a provider or an entrypoint that failed to start, or failed later in its background
    ///   task; ``NoWorkerLeft`` when all workers are busy with calls that ignore their cancellation;
    ///   ``GracePeriodExceeded`` when calls were cancelled because the stop took too long.
    public func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for _ in 0..<self.process.settings.maxWorkers { group.addTask { await self.pool.work() } }
                group.addTask { await self.settler.run() }
                let entrypoints = self.starting
                self.run(entrypoints, in: &group)
                do {
                    try await self.start(entrypoints)
                    self.runDependencies(in: &group)
                    self.logger.info("started")
                    self.extensions.withLock { $0.areStarted = true }
                    self.startEnded.open()
                    await self.stopRequested.wait()
                } catch is CancellationError where self.stopRequested.isOpen {
                    // It was told to stop before the broker had answered.
                    self.startEnded.open()
                } catch {
                    self.fail(error)
                    self.startEnded.open()
                }
                await self.shutDown { group.cancelAll() }
            }
            if let error = self.failure.withLock({ $0 }) { throw error }
            try Task.checkCancellation()
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
    }

    // MARK: - Entrypoints

    private func bind(_ entrypoints: [any Entrypoint]) throws {
        var names: Set<ByteName> = []
        for entrypoint in entrypoints {
            guard !entrypoint.name.isEmpty else {
                throw ConfigurationError("an entrypoint of service '\(self.name)' has an empty name")
            }
            guard names.insert(ByteName(entrypoint.name)).inserted else {
                throw ConfigurationError(
                    "service '\(self.name)' has two entrypoints named '\(entrypoint.name)': give each its own name"
                )
            }
            self.extensions.withLock { $0.declared.append(entrypoint) }
            if let started = self.process.overrides.restrictions[self.name], !started.contains(entrypoint.name) {
                continue
            }
            let bound = try entrypoint.bind(to: self)
            self.extensions.withLock { extensions in
                extensions.entrypoints.append(bound)
                extensions.summaries.append(bound.summary)
            }
        }
    }

    private static func validate(name: String) throws(ConfigurationError) {
        let isWord = name.utf8.allSatisfy { $0 > UInt8(ascii: " ") && ![0x7F, 0x2E, 0x2A, 0x23].contains($0) }
        guard !name.isEmpty, name.utf8.count <= 200, isWord else {
            throw ConfigurationError(
                "'\(name)' cannot be the name of a service: it becomes part of routing keys and queue names, so give it 1 "
                    + "to 200 bytes without spaces, dots, '*' and '#'"
            )
        }
    }

    /// The one extension of type `Shared` that several entrypoints of the container stand on, made by the first that asks.
    func shared<Shared: BoundEntrypoint>(_ make: () -> Shared) -> Shared {
        if let existing = self.extensions.withLock({ $0.shared.lazy.compactMap { $0 as? Shared }.first }) {
            return existing
        }
        let shared = make()
        self.extensions.withLock { $0.shared.append(shared) }
        return shared
    }
}
