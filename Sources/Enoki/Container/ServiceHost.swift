public import Configuration
public import Logging
public import ServiceLifecycle

/// The services of one process, with what they share: the broker, one reply queue, one set of timers.
///
/// ```swift
/// let host = try ServiceHost(broker: broker, services: [Orders(), Payments()], logger: logger)
/// try await ServiceGroup(services: [host], gracefulShutdownSignals: [.sigterm], logger: logger).run()
/// ```
///
/// If one service fails, the others are stopped and ``run()`` throws its error, as with nameko's runner.
public final class ServiceHost: Service, Sendable {
    /// The containers, one for each service.
    public let containers: [ServiceContainer]

    let process: ProcessResources
    private let watchdog: PoolWatchdog?
    private let stall = Locked<PoolStalled?>(nil)
    private let stopRequested = Latch()
    private let hasStarted = Locked(false)
    private let failure = Locked<(any Error)?>(nil)

    /// A host for `services`.
    ///
    /// - Parameters:
    ///   - broker: The broker; the host runs it.
    ///   - services: The services, of different names.
    ///   - settings: The settings of all containers.
    ///   - config: What ``Config`` gives to services; empty by default.
    ///   - codecs: The formats of messages; JSON by default.
    ///   - clock: The clock of timers and deadlines.
    ///   - logger: The logger that all others come from.
    /// - Throws: ``ConfigurationError`` for services or settings that cannot work.
    public convenience init(
        broker: any Broker,
        services: [any Microservice] = [],
        settings: ServiceSettings = ServiceSettings(),
        config: ConfigReader = ConfigReader(provider: InMemoryProvider(values: [:])),
        codecs: Codecs = .json,
        clock: some Clock<Duration> = ContinuousClock(),
        logger: Logger
    ) throws {
        try self.init(
            broker: broker,
            services: services,
            settings: settings,
            config: config,
            codecs: codecs,
            clock: clock,
            logger: logger,
            overrides: ProcessOverrides()
        )
    }

    package init(
        broker: any Broker,
        services: [any Microservice],
        settings: ServiceSettings = ServiceSettings(),
        config: ConfigReader = ConfigReader(provider: InMemoryProvider(values: [:])),
        codecs: Codecs = .json,
        clock: some Clock<Duration>,
        logger: Logger,
        overrides: ProcessOverrides
    ) throws {
        try settings.validate()
        let names = services.map { type(of: $0).name }
        var seen: Set<ByteName> = []
        for name in names where !seen.insert(ByteName(name)).inserted {
            throw ConfigurationError("two services are named '\(name)': a process hosts one of each name")
        }
        let name =
            names.isEmpty ? "client" : String(decoding: names.joined(separator: "+").utf8.prefix(100), as: UTF8.self)
        let timers = TimerQueue(clock: clock)
        let codecs = codecs.limited(by: settings.limits)
        let replies = ReplyListener(
            name: name,
            broker: broker,
            timers: timers,
            settings: settings,
            ids: overrides.ids,
            logger: logger
        )
        let process = ProcessResources(
            broker: broker,
            timers: timers,
            settings: settings,
            config: config,
            codecs: codecs,
            rpc: RPCClient(
                sender: overrides.intercept?(replies) ?? replies,
                codecs: codecs,
                settings: settings,
                ids: overrides.ids,
                caller: name
            ),
            events: EventPublisher(broker: broker, codecs: codecs, ids: overrides.ids, caller: name),
            logger: logger,
            overrides: overrides
        )
        self.process = process
        let containers = try services.map { try ServiceContainer($0, process: process) }
        self.containers = containers
        // To a clock of a test no time passes while threads are blocked.
        let isWatched = clock is ContinuousClock && settings.stallThreshold > .zero && !services.isEmpty
        self.watchdog =
            isWatched
            ? PoolWatchdog(
                threshold: settings.stallThreshold,
                limit: settings.stallLimit > .zero ? max(settings.stallLimit, settings.stallThreshold) : nil,
                logger: logger
            ) {
                containers.flatMap { $0.worker.calls.running }.map(\.context)
            } : nil
    }

    /// Runs broker and services until ``stop()``, a graceful shutdown of the surrounding service group, or the task's
    /// cancellation, which kills them. While the broker is absent at the start, the services wait for it.
    ///
    /// - Throws: The first error of a service, ``GracePeriodExceeded`` of one that could not stop in time, ``PoolStalled`` where
    ///   nothing had run for too long, or the error of a broker that can never be used.
    public func run() async throws {
        defer { self.process.startEnded.open() }
        do {
            try await self.runParts()
        } catch {
            self.failure.withLock { $0 = error }
            throw error
        }
    }

    private func runParts() async throws {
        try await withThrowingTaskGroup(of: Part.self) { group in
            group.addTask {
                await self.process.timers.run()
                return .infrastructure
            }
            group.addTask {
                try await self.process.broker.run()
                return .infrastructure
            }
            if let watchdog = self.watchdog {
                group.addTask {
                    await watchdog.run { self.giveUp(after: $0) }
                    return .infrastructure
                }
            }
            group.addTask {
                await self.process.farewells.run()
                return .infrastructure
            }
            group.addTask {
                do {
                    try await self.runContainers()
                } catch {
                    // What such calls make of the stop is no news.
                    throw self.stall.withLock { $0 } ?? error
                }
                if let stall = self.stall.withLock({ $0 }) { throw stall }
                return .containers
            }
            defer {
                // Those that the broker has not answered end with its connection.
                self.process.farewells.end()
                group.cancelAll()
            }
            do {
                while let part = try await group.next() {
                    if case .containers = part { break }
                    try Task.checkCancellation()
                    throw BrokerError(.closed, "the broker's connection ended while services were running")
                }
            } catch {
                // The timers end too, and nothing else would end the calls that still wait.
                await self.closeReplies()
                throw error
            }
            await self.closeReplies()
        }
    }

    private func closeReplies() async {
        let process = self.process
        await process.farewells.say(until: process.timers.now + .seconds(1), by: process.timers) {
            await process.rpc.sender.close()
        }
    }

    /// Nothing has run for too long. Called on a thread that is not Swift's: all of those are stuck.
    private func giveUp(after stall: Duration) {
        self.stall.withLock { $0 = PoolStalled(duration: stall) }
        self.stop()
    }

    private enum Part { case containers, infrastructure }

    /// How many calls all services are working on.
    package var runningCalls: Int { self.containers.reduce(0) { $0 + $1.runningCalls } }

    /// The entrypoints of the calls that still run, as `service.entrypoint`, each once: those that keep ``run()`` from returning
    /// after a stop.
    package var entrypointsInWork: [String] {
        let calls = self.containers.flatMap { $0.worker.calls.running }
        return Set(calls.map { "\($0.context.service).\($0.context.entrypoint)" }).sorted()
    }

    /// Asks all services to stop gracefully; ``run()`` then returns.
    public func stop() {
        self.stopRequested.open()
        for container in self.containers { container.stop() }
    }

    /// Whether the services were told to stop, or one has failed.
    package var isStopping: Bool { self.stopRequested.isOpen }

    /// Returns when the services begin to stop, because they were told to or because one has failed; or when the task is
    /// cancelled. From then on ``run()`` has the grace period of the settings to return; it takes longer only where calls ignore
    /// their cancellation.
    public func waitUntilStopping() async { await self.stopRequested.wait() }

    /// Calls `action` when ``waitUntilStopping()`` would return, though no task gets its turn.
    package func whenStopping(_ action: @escaping @Sendable () -> Void) { self.stopRequested.whenOpen(action) }

    /// Returns when all services have started.
    ///
    /// - Throws: What ``run()`` throws, when it ends before; `CancellationError` when the task is cancelled before.
    public func waitUntilStarted() async throws {
        await self.process.startEnded.wait()
        try Task.checkCancellation()
        guard !self.hasStarted.withLock({ $0 }) else { return }
        throw self.failure.withLock { $0 }
            ?? BrokerError(.closed, "the host was stopped before its services had started")
    }

    /// Returns when the broker can be used, or when the host is to stop before.
    private func waitForBroker() async {
        await withTaskGroup { group in
            group.addTask { await self.stopRequested.wait() }
            group.addTask { await self.brokerAnswered() }
            await group.next()
            group.cancelAll()
        }
    }

    private func brokerAnswered() async {
        var hasLogged = false
        for await status in self.process.broker.statusUpdates() {
            guard case .connecting(_, let reason) = status else { return }
            // The transport logs every attempt; here it counts that no service runs.
            guard let reason, !hasLogged else { continue }
            hasLogged = true
            self.process.logger.warning(
                "waits for the broker; the services start when it answers",
                metadata: ["broker": "\(self.process.broker.address)", "reason": "\(reason)"]
            )
        }
    }

    private func runContainers() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            await self.waitForBroker()
            try Task.checkCancellation()
            guard !self.stopRequested.isOpen else { return }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for container in self.containers {
                    group.addTask { try await container.run() }
                    // One that failed does not end before the last of its calls, which may ignore that it was cancelled.
                    group.addTask { await container.stopRequested.wait() }
                }
                group.addTask {
                    let timer = self.process.timers.schedule(after: Self.patience) { self.logWhoIsWaitedFor() }
                    defer { self.process.timers.cancel(timer) }
                    for container in self.containers { await container.startEnded.wait() }
                    if self.containers.allSatisfy(\.isStarted) {
                        self.hasStarted.withLock { $0 = true }
                        self.process.startEnded.open()
                    }
                    await self.stopRequested.wait()
                }
                do {
                    try await group.next()
                    // Whichever ended first, by itself or because it was told to, the others follow.
                    self.stop()
                    try await group.waitForAll()
                } catch {
                    self.stop()
                    while await group.nextResult() != nil {}
                    throw error
                }
            }
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
    }

    /// How long a start is nothing to speak of.
    private static let patience = Duration.seconds(30)

    /// Timers and `Once` of those that have started wait for the others.
    private func logWhoIsWaitedFor() {
        let late = self.containers.filter { !$0.isStarted }.map(\.name)
        guard !late.isEmpty, late.count < self.containers.count, !self.isStopping else { return }
        self.process.logger.warning(
            "timers and `Once` wait: not all services of the process have started",
            metadata: ["services": .array(late.map { .string($0) })]
        )
    }

    // MARK: - Calls and events from outside of any service

    /// A proxy for calls that no service makes, such as a test's or a command's. The host must run.
    public func rpc(
        _ service: String,
        timeout: Duration? = nil,
        errors: [any RemoteException.Type] = []
    ) -> RPCProxy {
        RPCProxy(service, timeout: timeout, errors: errors, client: self.process.rpc)
    }

    /// Publishes an event in the name of its source. The host must run.
    ///
    /// - Throws: `BrokerError` when it was not published; `EncodingError`.
    public func dispatch(_ event: some Event, options: PublishOptions = PublishOptions()) async throws {
        let contract = type(of: event)
        try await self.dispatch(from: contract.source, contract.type, event, options: options)
    }

    /// Publishes an event of type `type` in the name of service `source`. The host must run.
    ///
    /// - Throws: `BrokerError` when it was not published; `EncodingError`.
    public func dispatch(
        from source: String,
        _ type: String,
        _ data: some Encodable & Sendable,
        options: PublishOptions = PublishOptions()
    ) async throws {
        _ = try await self.process.broker.declareOrUse(EventTopology.exchange(of: source, self.process.settings))
        try await self.process.events.publish(type, data, from: source, options: options)
    }
}
