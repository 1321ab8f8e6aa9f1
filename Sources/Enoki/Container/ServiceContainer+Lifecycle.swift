import Logging

/// How a container starts and stops: see ``ServiceContainer`` for the order.
extension ServiceContainer {
    // MARK: - Start

    /// An entrypoint, and whether it has started.
    struct Starting: Sendable {
        let entrypoint: any BoundEntrypoint
        let hasStarted = Latch()
    }

    /// The entrypoints, before they start.
    var starting: [Starting] {
        self.extensions.withLock { ($0.shared + $0.entrypoints).map { Starting(entrypoint: $0) } }
    }

    func start(_ entrypoints: [Starting]) async throws {
        try await self.inParallel(self.dependencies) { dependency in
            try await dependency.setup(self)
            self.extensions.withLock { $0.setUp.append(dependency) }
        }
        try await self.inParallel(self.dependencies) { try await $0.start() }
        try await self.inParallel(entrypoints) { starting in
            try await starting.entrypoint.start()
            self.extensions.withLock { $0.started.append(starting.entrypoint) }
            starting.hasStarted.open()
        }
    }

    /// Runs each entrypoint from its own start on: one has calls already while others are waiting for the broker.
    func run(_ entrypoints: [Starting], in group: inout DiscardingTaskGroup) {
        group.addTask { await self.watch { try await self.worker.calls.waitUntilNoWorkerIsLeft() } }
        for starting in entrypoints {
            group.addTask {
                await starting.hasStarted.wait()
                if starting.hasStarted.isOpen { await self.watch { try await starting.entrypoint.run() } }
            }
        }
    }

    /// Runs the providers when the service has started.
    func runDependencies(in group: inout DiscardingTaskGroup) {
        for dependency in self.dependencies { group.addTask { await self.watch { try await dependency.run() } } }
    }

    /// Returns when this service and those of its host have started: who begins by itself finds the queues of all.
    ///
    /// - Returns: Whether they have; false when the task was cancelled, or a service could not start.
    func waitUntilAllHaveStarted() async -> Bool {
        await self.startEnded.wait()
        await self.process.startEnded.wait()
        return self.process.startEnded.isOpen && self.isStarted
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
        let end = self.process.timers.now + self.process.settings.shutdownGrace
        var isKilled = Task.isCancelled
        if isKilled { cancel() }
        // Nothing begins any more. What waits is given back when the broker sends no more: it would come again at once.
        self.pool.stop()
        let isHeard = await self.farewell(until: end) { await self.inParallel(entrypoints) { await $0.stop() } }
        self.pool.close()
        if !isKilled {
            await self.drain(until: end)
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
        let patience = isKilled || running > 0 ? Self.leastPatience : self.patience(until: end)
        self.publishes.stop()
        let timer = self.process.timers.schedule(after: patience) { self.publishes.giveUp() }
        self.settler.stop()
        // A dead letter follows its reply.
        await self.unanswered.waitUntilNone()
        await self.settler.waitUntilSettled()
        // Who was silent before is waited for only for a moment.
        let farewell = isHeard ? end : self.process.timers.now
        await self.farewell(until: farewell) { await self.inParallel(entrypoints) { await $0.close() } }
        self.process.timers.cancel(timer)
        await self.stopDependencies(isKilled: isKilled)
        cancel()
        // They know the container, and the container them.
        self.extensions.withLock { $0 = Extensions(summaries: $0.summaries) }
        self.logger.info("stopped")
    }

    /// How long what is published may still be confirmed: what is left of the grace period, where the broker takes messages.
    private func patience(until end: Duration) -> Duration {
        guard case .connected = self.process.broker.status else { return Self.leastPatience }
        return max(Self.leastPatience, end - self.process.timers.now)
    }

    /// Has `body` ask the broker, and waits for the answers no longer than until `end`; but for a moment at least.
    ///
    /// - Returns: Whether it was answered by then.
    @discardableResult
    private func farewell(until end: Duration, _ body: @escaping @Sendable () async -> Void) async -> Bool {
        let timers = self.process.timers
        let due = max(min(end, timers.now + Self.mostPatience), timers.now + Self.leastPatience)
        return await self.process.farewells.say(until: due, by: timers, body)
    }

    /// For a broker that takes no messages, or when the grace period is over.
    private static let leastPatience = Duration.seconds(1)
    /// For a broker that does not answer.
    private static let mostPatience = Duration.seconds(5)

    private func drain(until end: Duration) async {
        let isOver = Latch()
        self.pool.whenDrained { isOver.open() }
        let timer = self.process.timers.schedule(at: end) { isOver.open() }
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
