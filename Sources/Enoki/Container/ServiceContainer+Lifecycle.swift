import Logging

/// How a container starts and stops: see ``ServiceContainer`` for the order.
extension ServiceContainer {
    // MARK: - Start

    private var bound: [any BoundEntrypoint] {
        self.extensions.withLock { $0.shared + $0.entrypoints }
    }

    func start() async throws {
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

    func runInBackground(_ group: inout DiscardingTaskGroup) {
        group.addTask { await self.watch { try await self.worker.calls.waitUntilNoWorkerIsLeft() } }
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
    func fail(_ error: any Error) {
        let isFirst = self.failure.withLock { failure in
            defer { failure = failure ?? error }
            return failure == nil
        }
        if isFirst, !(error is CancellationError) {
            self.logger.error("failed", metadata: [LoggingKeys.error: "\(FailureText.text(of: error))"])
        }
        self.stop()
    }

    func shutDown(cancel: () -> Void) async {
        let entrypoints = self.extensions.withLock { $0.started }
        let begin = self.process.timers.now
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
        await self.drain(cancelledWithin: .seconds(2))
        self.logWhatGoesOn()
        let patience = isKilled || running > 0 ? Self.leastPatience : self.patience(since: begin)
        self.publishes.stop()
        let timer = self.process.timers.schedule(after: patience) { self.publishes.giveUp() }
        self.settler.stop()
        await self.settler.waitUntilSettled()
        await self.inParallel(entrypoints) { await $0.close() }
        self.process.timers.cancel(timer)
        await self.stopDependencies(isKilled: isKilled)
        cancel()
        // They know the container, and the container them.
        self.extensions.withLock { $0 = Extensions(summaries: $0.summaries) }
        self.logger.info("stopped")
    }

    /// How long what is published may still be confirmed: what is left of the grace period, where the broker takes messages.
    private func patience(since begin: Duration) -> Duration {
        guard case .connected = self.process.broker.status else { return Self.leastPatience }
        return max(Self.leastPatience, self.process.settings.shutdownGrace - (self.process.timers.now - begin))
    }

    /// For a broker that takes no messages, or when the grace period is over.
    private static let leastPatience = Duration.seconds(1)

    private func drain(within grace: Duration) async {
        let isOver = Latch()
        self.pool.whenDrained { isOver.open() }
        let timer = self.process.timers.schedule(after: grace) { isOver.open() }
        await isOver.wait()
        self.process.timers.cancel(timer)
    }

    /// Waits for calls that were cancelled, also in a task that was.
    private func drain(cancelledWithin patience: Duration) async {
        let timer = await withCheckedContinuation { continuation in
            let waiting = Locked<CheckedContinuation<TimerQueue.ID?, Never>?>(continuation)
            let resume: @Sendable (TimerQueue.ID?) -> Void = { timer in
                let continuation = waiting.withLock { waiting in
                    defer { waiting = nil }
                    return waiting
                }
                continuation?.resume(returning: timer)
            }
            let timer = self.process.timers.schedule(after: patience) { resume(nil) }
            self.pool.whenDrained { resume(timer) }
        }
        if let timer { self.process.timers.cancel(timer) }
    }

    /// Names the calls that outlast the container. Their messages go back to their queues with the consumers, unless they are
    /// settled already, as those of calls that outlived their timeout are.
    private func logWhatGoesOn() {
        for (context, hasLeaked) in self.worker.calls.running {
            let message =
                if context.message == nil { "" } else if hasLeaked { "its message is settled, and " } else {
                    "its message goes back, and "
                }
            context.logger.error(
                "\(context.entrypoint) ignores that it was cancelled: \(message)`run()` waits for it",
                metadata: context.named
            )
        }
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
                    metadata: [
                        "provider": "\(type(of: dependency))", LoggingKeys.error: "\(FailureText.text(of: error))",
                    ]
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
