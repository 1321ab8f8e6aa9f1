import Logging

/// Works on one call at a time per task: the way of a call through the dependency providers' hooks and the method.
struct Worker: Sendable {
    private let dependencies: [any DependencyProvider]
    /// Those of them that make a value for each worker.
    private let makers: [any DependencyProvider]
    /// Values that stand in for those of other providers.
    private let replacements: [ObjectIdentifier: any Sendable]
    private let timers: TimerQueue
    private let logger: Logger
    private let observe: WorkerObserver?
    private let pool: WorkerPool
    /// What it works on.
    let calls: CallsInWork

    init(
        dependencies: [any DependencyProvider],
        process: ProcessResources,
        pool: WorkerPool,
        calls: CallsInWork,
        logger: Logger
    ) {
        // A dispatcher or a proxy has no part in single calls.
        self.dependencies = dependencies.filter { !($0 is any WorkerIndependent) }
        self.makers = self.dependencies.filter(\.makesValue)
        self.replacements = process.overrides.replacements
        self.timers = process.timers
        self.pool = pool
        self.calls = calls
        self.logger = logger
        self.observe = process.overrides.observe
    }

    /// Runs the hooks and the method in the call's context, within `limits`. It never throws: the outcome says what happened.
    ///
    /// It returns when the call has ended. One that goes on though it was cancelled has its outcome before that: its message
    /// is not to wait for it.
    ///
    /// - Parameter expects: Whether an error is part of normal work; `nil` where whoever is told the outcome logs a failure.
    ///
    /// What guards the call is asked first and told its outcome last: one that it leaves out is no call, and nobody observes
    /// it.
    func run(
        _ context: WorkerContext,
        limits: CallLimits,
        expects: (@Sendable (any Error) -> Bool)?,
        guarding: CallGuard? = nil,
        _ method: @escaping @Sendable () async throws -> any Sendable,
        completion: @escaping @Sendable (Outcome) -> Void
    ) async {
        let id = self.calls.begin(context)
        defer { self.calls.end(id) }
        guard let timeout = limits.timeout else {
            return completion(await self.run(context, nil, expects, guarding, method))
        }
        let call = TimedCall(HandlerTimeout(entrypoint: context.entrypoint, timeout: timeout))
        let isOver = Latch()
        let timer = self.timers.schedule(after: timeout) { if call.expire() { isOver.open() } }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let outcome = await self.run(context, call, expects, guarding, method)
                if call.end() {
                    self.pool.regain()
                    context.logger.warning(
                        "\(context.entrypoint) has ended after all: its worker is free again",
                        metadata: context.named
                    )
                } else {
                    completion(outcome)
                }
                isOver.open()
            }
            await isOver.wait()
            self.timers.cancel(timer)
            guard call.hasExpired else { return await group.waitForAll() }
            group.cancelAll()
            let leak = self.timers.schedule(after: Self.patience) {
                guard call.leak() else { return }
                let leaked = self.calls.leak(id, concurrency: limits.concurrency)
                self.pool.lose()
                self.logLeak(of: context, timeout, leaked)
                completion(.timedOut(call.timeout))
            }
            await group.waitForAll()
            self.timers.cancel(leak)
        }
    }

    /// How long a call that was cancelled may take to end.
    private static let patience = Duration.seconds(5)

    private func run(
        _ context: WorkerContext,
        _ call: TimedCall?,
        _ expects: (@Sendable (any Error) -> Bool)?,
        _ guarding: CallGuard?,
        _ method: @Sendable () async throws -> any Sendable
    ) async -> Outcome {
        await WorkerContext.$current.withValue(context) {
            await withLogger(context.logger) { _ in
                guard let guarding else { return await self.run(context, call, expects, method) }
                let outcome = await guarding.around(context, call) { await self.run(context, call, expects, method) }
                // A guard knows no timeout: to it that is a cancellation like the stop's.
                if case .cancelled = outcome, let call, call.hasExpired { return .timedOut(call.timeout) }
                return outcome
            }
        }
    }

    private func run(
        _ context: WorkerContext,
        _ call: TimedCall?,
        _ expects: (@Sendable (any Error) -> Bool)?,
        _ method: @Sendable () async throws -> any Sendable
    ) async -> Outcome {
        self.observe?(.started(context))
        let outcome =
            await self.makers.isEmpty && self.replacements.isEmpty
            ? self.runHooks(context, call, method)
            : self.runWithValues(context, call, method)
        self.log(outcome, context, expects)
        self.observe?(.ended(context, outcome))
        return outcome
    }

    private func runWithValues(
        _ context: WorkerContext,
        _ call: TimedCall?,
        _ method: @Sendable () async throws -> any Sendable
    ) async -> Outcome {
        var values = self.replacements
        var made = self.makers[..<0]
        do {
            for provider in self.makers {
                values[ObjectIdentifier(provider)] = try await provider.dependency(for: context)
                made = self.makers[...made.endIndex]
            }
        } catch {
            let outcome = Self.outcome(.failure(error), call)
            await WorkerDependencies.$current.withValue(values) { await self.tearDown(made, context) }
            return outcome
        }
        return await WorkerDependencies.$current.withValue(values) { await self.runHooks(context, call, method) }
    }

    private func runHooks(
        _ context: WorkerContext,
        _ call: TimedCall?,
        _ method: @Sendable () async throws -> any Sendable
    ) async -> Outcome {
        var outcome: Outcome
        var isSetUp = self.dependencies[..<0]
        do {
            for provider in self.dependencies {
                try await provider.workerSetup(context)
                isSetUp = self.dependencies[...isSetUp.endIndex]
            }
            outcome = Self.outcome(.success(try await method()), call)
        } catch {
            outcome = Self.outcome(.failure(error), call)
        }
        for provider in isSetUp {
            do {
                try await provider.workerResult(context, outcome)
            } catch {
                if case .succeeded = outcome {
                    outcome = Self.outcome(.failure(error), call)
                } else {
                    self.log(error, of: provider)
                }
            }
        }
        // One that has made a value has something to give back, even where its setup failed or was not reached.
        await self.tearDown(isSetUp + self.dependencies[isSetUp.endIndex...].filter(\.makesValue), context)
        return outcome
    }

    private func tearDown(_ providers: ArraySlice<any DependencyProvider>, _ context: WorkerContext) async {
        for provider in providers {
            do {
                try await provider.workerTeardown(context)
            } catch {
                self.log(error, of: provider)
            }
        }
    }

    /// What a call returns or throws after its time is not trusted: it may be half of the work, such as of a sleep that was
    /// cut short. Otherwise an error in a task that was cancelled is the cancellation's doing: nobody cancels a worker but its
    /// timeout and its container.
    private static func outcome(_ result: Result<any Sendable, any Error>, _ call: TimedCall?) -> Outcome {
        if let call, call.hasExpired { return .timedOut(call.timeout) }
        switch result {
        case .success(let value): return .succeeded(value)
        case .failure(let error): return Task.isCancelled ? .cancelled : .failed(error)
        }
    }

    private func log(_ outcome: Outcome, _ context: WorkerContext, _ expects: (@Sendable (any Error) -> Bool)?) {
        switch outcome {
        case .succeeded:
            context.logger.debug("\(context.entrypoint) succeeded")
        case .cancelled:
            context.logger.warning(
                "\(context.entrypoint) was cancelled by the container's stop",
                metadata: context.named
            )
        case .timedOut where expects == nil, .failed where expects == nil:
            context.logger.debug(
                "\(context.entrypoint) ended with an error",
                metadata: outcome.error.map(FailureText.metadata)
            )
        case .timedOut(let timeout):
            context.logger.error(
                "\(context.entrypoint) was cancelled: it took longer than \(timeout.timeout)",
                metadata: context.named
            )
        case .failed(let error):
            context.logFailure(error, isExpected: expects?(error) ?? false)
        }
    }

    private func logLeak(of context: WorkerContext, _ timeout: Duration, _ leaked: Int) {
        context.logger.error(
            "\(context.entrypoint) ignores that it was cancelled \(Self.patience) ago: its worker has leaked until it ends",
            metadata: ["leaked": "\(leaked)", "timeout": "\(timeout)"].merging(context.named) { $1 }
        )
    }

    private func log(_ error: any Error, of provider: any DependencyProvider) {
        self.logger.error(
            "a hook of a dependency provider failed",
            metadata: ["provider": "\(type(of: provider))", LoggingKeys.error: "\(FailureText.text(of: error))"]
        )
    }
}

extension WorkerContext {
    /// Logs that the call has failed, and what becomes of it if that is worth a word.
    func logFailure(_ error: any Error, isExpected: Bool, _ consequence: String = "") {
        self.logger.log(
            level: isExpected ? .warning : .error,
            "\(self.entrypoint) failed\(isExpected ? " as expected" : "")\(consequence)",
            metadata: FailureText.metadata(of: error).merging(self.named) { $1 }
        )
    }

    /// What a line about the call has besides what the handler's own lines have.
    var named: Logger.Metadata { [LoggingKeys.entrypoint: "\(self.entrypoint)"] }
}

/// A dependency provider whose worker hooks are all empty: no call pays for it.
package protocol WorkerIndependent: DependencyProvider {}

extension RPCProxy: WorkerIndependent {}
extension EventDispatcher: WorkerIndependent {}
extension Config: WorkerIndependent {}
