import Logging

/// Works on one call at a time per task: the way of a call through the dependency providers' hooks and the method.
struct Worker: Sendable {
    private let dependencies: [any DependencyProvider]
    /// Those of them that make a value for each worker.
    private let makers: [any DependencyProvider]
    /// Values that stand in for those of other providers.
    private let replacements: [ObjectIdentifier: any Sendable]
    private let logger: Logger
    private let observe: WorkerObserver?

    init(dependencies: [any DependencyProvider], process: ProcessResources, logger: Logger) {
        // A dispatcher or a proxy has no part in single calls.
        self.dependencies = dependencies.filter { !($0 is any WorkerIndependent) }
        self.makers = self.dependencies.filter(\.makesValue)
        self.replacements = process.overrides.replacements
        self.logger = logger
        self.observe = process.overrides.observe
    }

    /// Runs the hooks and the method in the call's context. It never throws: the outcome says what happened.
    func run(
        _ context: WorkerContext,
        expects: (any Error) -> Bool,
        _ method: @Sendable () async throws -> any Sendable
    ) async -> Outcome {
        await WorkerContext.$current.withValue(context) {
            await withLogger(context.logger) { _ in
                self.observe?(.started(context))
                let outcome =
                    await self.makers.isEmpty && self.replacements.isEmpty
                    ? self.runHooks(context, method)
                    : self.runWithValues(context, method)
                self.log(outcome, context, expects)
                self.observe?(.ended(context, outcome))
                return outcome
            }
        }
    }

    private func runWithValues(
        _ context: WorkerContext,
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
            let outcome = Self.outcome(of: error)
            await WorkerDependencies.$current.withValue(values) { await self.tearDown(made, context) }
            return outcome
        }
        return await WorkerDependencies.$current.withValue(values) { await self.runHooks(context, method) }
    }

    private func runHooks(
        _ context: WorkerContext,
        _ method: @Sendable () async throws -> any Sendable
    ) async -> Outcome {
        var outcome: Outcome
        var isSetUp = self.dependencies[..<0]
        do {
            for provider in self.dependencies {
                try await provider.workerSetup(context)
                isSetUp = self.dependencies[...isSetUp.endIndex]
            }
            outcome = .succeeded(try await method())
        } catch {
            outcome = Self.outcome(of: error)
        }
        for provider in isSetUp {
            do {
                try await provider.workerResult(context, outcome)
            } catch {
                if case .succeeded = outcome {
                    outcome = Self.outcome(of: error)
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

    /// An error in a task that was cancelled is the cancellation's doing: nobody else cancels a worker but its container.
    private static func outcome(of error: any Error) -> Outcome { Task.isCancelled ? .cancelled : .failed(error) }

    private func log(_ outcome: Outcome, _ context: WorkerContext, _ expects: (any Error) -> Bool) {
        switch outcome {
        case .succeeded:
            context.logger.debug("\(context.entrypoint) succeeded")
        case .cancelled:
            context.logger.warning("\(context.entrypoint) was cancelled by the container's stop")
        case .failed(let error):
            let isExpected = expects(error)
            context.logger.log(
                level: isExpected ? .warning : .error,
                "\(context.entrypoint) failed\(isExpected ? " as expected" : "")",
                metadata: [LoggingKeys.error: "\(error)"]
            )
        }
    }

    private func log(_ error: any Error, of provider: any DependencyProvider) {
        self.logger.error(
            "a hook of a dependency provider failed",
            metadata: ["provider": "\(type(of: provider))", LoggingKeys.error: "\(error)"]
        )
    }
}

/// A dependency provider whose worker hooks are all empty: no call pays for it.
package protocol WorkerIndependent: DependencyProvider {}

extension RPCProxy: WorkerIndependent {}
extension EventDispatcher: WorkerIndependent {}
extension Config: WorkerIndependent {}
