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

    private let dependencies: [any DependencyProvider]
    private let pool = WorkerPool()
    private let extensions = Locked(Extensions())
    private let stopRequested = Latch()
    private let failure = Locked<(any Error)?>(nil)
    private let worker: Worker
    let settler: Settler

    private struct Extensions {
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
        self.worker = Worker(dependencies: self.dependencies, process: process, logger: logger)
        self.settler = Settler(broker: process.broker, timers: process.timers, logger: logger)
        try self.bind(service.entrypoints)
    }

    /// What the container serves.
    public var entrypoints: [EntrypointSummary] { self.extensions.withLock { $0.summaries } }

    /// Whether the service has started; false again when it has stopped.
    var isStarted: Bool { self.extensions.withLock { $0.areStarted } }

    /// How many calls it is working on.
    var runningCalls: Int { self.pool.running }

    /// How many calls have outlived the timeout of their entrypoint and still run, though they were cancelled: each keeps a
    /// worker.
    public var leakedCalls: Int { self.worker.leakedCalls }

    /// The settings that it runs with.
    public var settings: ServiceSettings { self.process.settings }

    /// Asks the container to stop gracefully; ``run()`` then returns.
    public func stop() { self.stopRequested.open() }

    /// Starts the service and serves it until ``stop()``, a graceful shutdown of the surrounding service group, or the
    /// task's cancellation, which kills it: running calls are cancelled and their messages go back.
    ///
    /// - Throws: The first error of a provider or an entrypoint that failed to start, or failed later in its background
    ///   task; ``GracePeriodExceeded`` when calls were cancelled because the stop took too long.
    public func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for _ in 0..<self.process.settings.maxWorkers { group.addTask { await self.pool.work() } }
                group.addTask { await self.settler.run() }
                do {
                    try await self.start()
                    self.runInBackground(&group)
                    self.logger.info("started")
                    self.extensions.withLock { $0.areStarted = true }
                    self.startEnded.open()
                    await self.stopRequested.wait()
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

    // MARK: - For entrypoints

    /// Works on a call that an entrypoint fired, as soon as a worker is free.
    ///
    /// - Parameters:
    ///   - entrypoint: The name of the entrypoint.
    ///   - headers: What came with the call: call id stack and context data are read from it.
    ///   - timeout: How long the caller waits; the worker's own calls take no longer.
    ///   - method: The method with its arguments.
    /// - Returns: How it ended; `cancelled` when the container stopped before a worker was free.
    public func spawnWorker(
        for entrypoint: String,
        headers: Headers = [:],
        timeout: Duration? = nil,
        method: @escaping @Sendable () async throws -> any Sendable
    ) async -> Outcome {
        await withCheckedContinuation { continuation in
            let deadline = timeout.map { Deadline(after: $0, timers: self.process.timers) }
            let context = self.context(entrypoint, headers: headers, deadline: deadline)
            self.submit(context, expects: { _ in false }, method) { continuation.resume(returning: $0) }
        }
    }

    /// Works on a call that no message brought, for at most the time of `limits`.
    func spawnWorker(
        for entrypoint: String,
        limits: CallLimits,
        method: @escaping @Sendable () async throws -> any Sendable
    ) async -> Outcome {
        await withCheckedContinuation { continuation in
            let context = self.context(entrypoint, headers: [:])
            self.submit(context, timeout: limits.timeout, expects: { _ in false }, method) {
                continuation.resume(returning: $0)
            }
        }
    }

    private func submit(
        _ context: WorkerContext,
        timeout: Duration? = nil,
        expects: @escaping @Sendable (any Error) -> Bool,
        _ method: @escaping @Sendable () async throws -> any Sendable,
        completion: @escaping @Sendable (Outcome) -> Void
    ) {
        self.pool.submit(
            WorkerPool.Job(
                run: {
                    await self.worker.run(context, timeout: timeout, expects: expects, method, completion: completion)
                },
                discard: { completion(.cancelled) }
            )
        )
    }

    // MARK: - For tests

    /// The entrypoints of the service, those included that the overrides keep from starting; none when it has stopped.
    package var declaredEntrypoints: [any Entrypoint] { self.extensions.withLock { $0.declared } }

    /// Calls a method as its entrypoint would: in a worker, in a context, with the providers' hooks.
    ///
    /// - Parameters:
    ///   - entrypoint: What is called.
    ///   - arguments: The arguments; they are encoded and decoded as those in a message are.
    ///   - data: The context data of the call.
    ///   - completion: Is told how the call ended.
    /// - Throws: An error for arguments that do not fit; the call is not made then.
    package func call(
        _ entrypoint: some DirectlyCallable,
        _ arguments: RequestEnvelope,
        data: Headers,
        completion: @escaping @Sendable (Outcome) -> Void
    ) throws {
        let headers = CallContext(data: data).headers
        let message = try entrypoint.message(arguments, headers: headers, self.process.codecs)
        let method = try entrypoint.method(for: message, self.process.codecs)
        let context = self.context(entrypoint.name, headers: headers, message: message)
        self.submit(context, expects: entrypoint.expects, method, completion: completion)
    }

    /// Runs `body` as if a call of `entrypoint` ran it, with `values` for those of the providers; without hooks.
    ///
    /// Providers that only bind to their process, such as dispatchers and proxies, are set up; no other is.
    package func asWorker<Value>(
        of entrypoint: String,
        data: Headers,
        values: [ObjectIdentifier: any Sendable],
        _ body: (WorkerContext) async throws -> Value
    ) async throws -> Value {
        for provider in self.dependencies where provider is any WorkerIndependent { try await provider.setup(self) }
        let context = self.context(entrypoint, headers: CallContext(data: data).headers)
        return try await WorkerContext.$current.withValue(context) {
            try await WorkerDependencies.$current.withValue(values) {
                try await withLogger(context.logger) { _ in try await body(context) }
            }
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

    /// A limit for the calls of one entrypoint; `nil` where `limits` have none.
    func concurrencyLimit(_ limits: CallLimits) -> ConcurrencyLimit? {
        limits.concurrency.map { ConcurrencyLimit($0, before: self.pool) }
    }

    /// Consumes `queue`; each delivery waits for a worker, which then calls `handle`.
    ///
    /// The time that the caller gave runs from here: waiting for a worker takes from it.
    ///
    /// - Parameters:
    ///   - queue: The queue.
    ///   - most: How many deliveries it may hold, where that is less than the settings say.
    ///   - limit: What a delivery waits for before it waits for a worker.
    ///   - handle: Works on a delivery, and settles it.
    func consume(
        _ queue: String,
        atMost most: Int? = nil,
        limit: @escaping @Sendable (Delivery) -> ConcurrencyLimit?,
        _ handle: @escaping @Sendable (Delivery, Deadline?) async -> Void
    ) async throws -> any Consumer {
        let prefetch = self.process.settings.effectivePrefetch
        var options = ConsumerOptions(prefetch: min(most ?? prefetch, prefetch))
        options.takesDefective = true
        return try await self.process.broker.consume(queue, options: options) { delivery in
            let timeout = delivery.message.properties.headers[CallContext.timeoutHeader]?.integerValue
            let deadline = timeout.map { Deadline(after: .milliseconds($0), timers: self.process.timers) }
            let job = WorkerPool.Job(
                run: { await handle(delivery, deadline) },
                discard: { self.settler.settle(delivery, .requeue) }
            )
            if let limit = limit(delivery) { limit.submit(job) } else { self.pool.submit(job) }
        }
    }

    /// Works on a delivery whose message is decoded, in the worker that has taken it. `completion` is told the outcome once.
    func work(
        on delivery: Delivery,
        until deadline: Deadline?,
        attempt: Int,
        entrypoint: String,
        limits: CallLimits,
        expects: @escaping @Sendable (any Error) -> Bool,
        method: @escaping @Sendable () async throws -> any Sendable,
        completion: @escaping @Sendable (Outcome) -> Void
    ) async {
        let headers = delivery.message.properties.headers
        let context = self.context(
            entrypoint,
            headers: headers,
            deadline: deadline,
            redelivered: delivery.redelivered,
            attempt: attempt,
            message: delivery.message
        )
        await self.worker.run(
            context,
            timeout: limits.timeout,
            expects: expects,
            method,
            completion: completion
        )
    }

    private func context(
        _ entrypoint: String,
        headers: Headers,
        deadline: Deadline? = nil,
        redelivered: Bool = false,
        attempt: Int = 1,
        message: Message? = nil
    ) -> WorkerContext {
        WorkerContext(
            service: self.name,
            entrypoint: entrypoint,
            parents: CallContext(headers: headers, keeping: self.process.settings.contextKeys),
            deadline: deadline,
            redelivered: redelivered,
            attempt: attempt,
            message: message,
            ids: self.process.overrides.ids,
            parentCallsTracked: self.process.settings.parentCallsTracked,
            logger: self.logger
        )
    }

    // MARK: - Start

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

    private var bound: [any BoundEntrypoint] {
        self.extensions.withLock { $0.shared + $0.entrypoints }
    }

    private func start() async throws {
        try await self.inParallel(self.dependencies) { dependency in
            try await dependency.setup(self)
            self.extensions.withLock { $0.setUp.append(dependency) }
        }
        try await self.inParallel(self.dependencies) { try await $0.start() }
        try await self.inParallel(self.bound) { entrypoint in
            try await entrypoint.start()
            self.extensions.withLock { $0.started.append(entrypoint) }
        }
    }

    private func runInBackground(_ group: inout DiscardingTaskGroup) {
        for dependency in self.dependencies { group.addTask { await self.watch { try await dependency.run() } } }
        for entrypoint in self.bound { group.addTask { await self.watch { try await entrypoint.run() } } }
    }

    private func watch(_ task: () async throws -> Void) async {
        do {
            try await task()
        } catch {
            // At the end of the container all are cancelled; what they throw then is no failure.
            if !Task.isCancelled { self.fail(error) }
        }
    }

    // MARK: - Stop

    /// The first failure counts; it stops the container.
    private func fail(_ error: any Error) {
        let isFirst = self.failure.withLock { failure in
            defer { failure = failure ?? error }
            return failure == nil
        }
        if isFirst, !(error is CancellationError) {
            self.logger.error("failed", metadata: [LoggingKeys.error: "\(error)"])
        }
        self.stop()
    }

    private func shutDown(cancel: () -> Void) async {
        let entrypoints = self.extensions.withLock { $0.started }
        var isKilled = Task.isCancelled
        if isKilled { cancel() }
        await self.inParallel(entrypoints) { await $0.stop() }
        self.pool.close()
        if !isKilled {
            await self.drain(within: self.process.settings.shutdownGrace)
            isKilled = Task.isCancelled
        }
        let running = self.pool.running
        if running > 0 {
            if !isKilled {
                self.fail(
                    GracePeriodExceeded(service: self.name, calls: running, grace: self.process.settings.shutdownGrace)
                )
            }
            cancel()
        }
        // Cancelled handlers still settle their deliveries, and that needs the consumers.
        await withCheckedContinuation { continuation in self.pool.whenDrained { continuation.resume() } }
        self.settler.stop()
        await self.settler.waitUntilSettled()
        await self.inParallel(entrypoints) { await $0.close() }
        await self.stopDependencies(isKilled: isKilled)
        cancel()
        // They know the container, and the container them.
        self.extensions.withLock { $0 = Extensions(summaries: $0.summaries) }
        self.logger.info("stopped")
    }

    private func drain(within grace: Duration) async {
        let isOver = Latch()
        self.pool.whenDrained { isOver.open() }
        let timer = self.process.timers.schedule(after: grace) { isOver.open() }
        await isOver.wait()
        self.process.timers.cancel(timer)
    }

    private func stopDependencies(isKilled: Bool) async {
        let dependencies = self.extensions.withLock { $0.setUp }
        guard !isKilled else {
            for dependency in dependencies { dependency.kill() }
            return
        }
        await self.inParallel(dependencies) { dependency in
            do {
                try await dependency.stop()
            } catch {
                self.logger.error(
                    "a dependency provider failed to stop",
                    metadata: ["provider": "\(type(of: dependency))", LoggingKeys.error: "\(error)"]
                )
            }
        }
    }

    private func inParallel<Element: Sendable, Failure: Error>(
        _ elements: [Element],
        _ body: @escaping @Sendable (Element) async throws(Failure) -> Void
    ) async throws(Failure) {
        let first = await withTaskGroup(of: Failure?.self) { group in
            for element in elements {
                group.addTask {
                    do throws(Failure) {
                        try await body(element)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            var first: Failure?
            for await error in group {
                guard let error, first == nil else { continue }
                first = error
                group.cancelAll()
            }
            return first
        }
        if let first { throw first }
    }
}
