import Logging

/// What entrypoints ask of their container: deliveries, and workers for their calls.
extension ServiceContainer {
    /// Works on a call that an entrypoint fired, as soon as a worker is free. It may take any time:
    /// ``ServiceSettings/handlerTimeout`` is for messages.
    ///
    /// - Parameters:
    ///   - entrypoint: The name of the entrypoint.
    ///   - headers: What came with the call: call id stack and context data are read from it.
    ///   - timeout: How long the caller waits; the worker's own calls take no longer.
    ///   - method: The method with its arguments.
    /// - Returns: How it ended; `cancelled` when the container stopped before a worker was free; failed with ``CallChainExceeded``
    ///   where too many calls wait for it.
    public func spawnWorker(
        for entrypoint: String,
        headers: Headers = [:],
        timeout: Duration? = nil,
        method: @escaping @Sendable () async throws -> any Sendable
    ) async -> Outcome {
        if let excess = self.chainExcess(entrypoint, headers) { return .failed(excess) }
        return await withCheckedContinuation { continuation in
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
            self.submit(context, limits, expects: { _ in false }, method) {
                continuation.resume(returning: $0)
            }
        }
    }

    func submit(
        _ context: WorkerContext,
        _ limits: CallLimits = CallLimits(),
        expects: @escaping @Sendable (any Error) -> Bool,
        _ method: @escaping @Sendable () async throws -> any Sendable,
        completion: @escaping @Sendable (Outcome) -> Void
    ) {
        self.pool.submit(
            WorkerPool.Job(
                run: {
                    await self.worker.run(context, limits: limits, expects: expects, method, completion: completion)
                },
                discard: { completion(.cancelled) }
            )
        )
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
    ///   - entrance: The exchange through which copies come back too, where there is one.
    ///   - most: How many deliveries it may hold, where that is less than the settings say.
    ///   - gate: What keeps deliveries back, before all else, while most calls fail.
    ///   - putOff: Settles a delivery that the gate would keep back, where it is not to be in hand so long; told whether it did.
    ///   - admit: How long a delivery waits then; `nil` when it is settled already.
    ///   - limit: What a delivery waits for before it waits for a worker.
    ///   - handle: Works on a delivery, and settles it.
    func consume(
        _ queue: String,
        entrance: String? = nil,
        atMost most: Int? = nil,
        gate: KillSwitchGate? = nil,
        putOff: @escaping @Sendable (Incoming) -> Bool = { _ in false },
        admit: @escaping @Sendable (Incoming) -> Duration?,
        limit: @escaping @Sendable (Incoming) -> ConcurrencyLimit?,
        _ handle: @escaping @Sendable (Incoming) async -> Void
    ) async throws -> any Consumer {
        let prefetch = self.process.settings.effectivePrefetch
        var options = ConsumerOptions(prefetch: min(most ?? prefetch, prefetch))
        options.takesDefective = true
        let redeliveries = Redeliveries(prefetch: options.prefetch) { [timers = self.process.timers] in timers.now }
        let onDelivery: @Sendable (Delivery) -> Void = { delivery in
            guard let (newest, origin) = self.join(redeliveries.take(delivery), queue) else { return }
            let delivery = newest.asPublishedFirst(in: queue, entrance: entrance)
            let incoming = Incoming(delivery: delivery, origin: origin, deadline: self.deadline(of: delivery))
            let job = WorkerPool.Job(
                run: {
                    self.process.quarantine.begin(delivery.token, at: self.process.timers.now)
                    await handle(incoming)
                    self.process.quarantine.leave(delivery.token)
                },
                discard: {
                    self.process.quarantine.leave(delivery.token)
                    self.settler.settle(delivery, .requeue)
                }
            )
            let limit = limit(incoming)
            let submit: @Sendable (WorkerPool.Job) -> Void = { job in
                if let limit { limit.submit(job) } else { self.pool.submit(job) }
            }
            let begin: @Sendable (WorkerPool.Job) -> Void = { job in
                guard let pause = admit(incoming) else {
                    gate?.ended(delivery.token, failed: nil)
                    return
                }
                if pause > .zero { self.process.timers.schedule(after: pause) { submit(job) } } else { submit(job) }
            }
            // The gate first, since what is admitted may take a place in the quarantine.
            guard let gate else { return begin(job) }
            gate.submit(
                job,
                for: delivery.token,
                // Its place in the quarantine is not for those who only wait.
                turnedBack: { self.process.quarantine.leave(delivery.token) },
                unless: { putOff(incoming) },
                begin
            )
        }
        return try await self.untilAnswered { [options] in
            try await self.process.broker.consume(queue, options: options, onDelivery: onDelivery)
        }
    }

    /// Until when the caller of a delivery waits, as its headers say.
    private func deadline(of delivery: Delivery) -> Deadline? {
        delivery.message.properties.headers[CallContext.timeoutHeader]?.integerValue.map { timeout in
            // What a stranger writes into it can be sent on: a copy of the message expires then.
            let time = min(max(.milliseconds(timeout), .zero), WireLimits.longestTime)
            return Deadline(after: time, timers: self.process.timers)
        }
    }

    /// The delivery that is to be worked on; `nil` for one whose call is under way, or has ended.
    private func join(_ arrival: Redeliveries.Arrival, _ queue: String) -> (Delivery, Redeliveries.Origin)? {
        switch arrival {
        case .toWork(let delivery, let origin): return (delivery, origin)
        case .joined:
            self.logger.info(
                "a message came again whose call is under way: no second call is made",
                metadata: [LoggingKeys.queue: "\(queue)"]
            )
        case .settled:
            self.logger.info(
                "a message came again whose call has ended: it is settled",
                metadata: [LoggingKeys.queue: "\(queue)"]
            )
        }
        return nil
    }

    /// Works on a delivery whose message is decoded, in the worker that has taken it. `completion` is told the outcome once, and
    /// logs a failure with what becomes of the message.
    ///
    /// - Parameters:
    ///   - limits: What the entrypoint says; how long the call may take where it does not, the settings say.
    ///   - isAwaited: Whether the call that led to it waits for it.
    func work(
        on incoming: Incoming,
        attempt: Int,
        entrypoint: String,
        limits: CallLimits,
        guarding: CallGuard? = nil,
        isAwaited: Bool = true,
        method: @escaping @Sendable () async throws -> any Sendable,
        completion: @escaping @Sendable (Outcome, WorkerContext) -> Void
    ) async {
        let headers = incoming.headers
        let context = self.context(
            entrypoint,
            headers: headers,
            deadline: incoming.deadline,
            redelivered: incoming.delivery.redelivered || headers[FailureHeaders.redeliveries] != nil,
            attempt: attempt,
            message: incoming.message,
            isAwaited: isAwaited
        )
        let limits = limits.within(self.process.settings)
        await self.worker.run(context, limits: limits, expects: nil, guarding: guarding, method) { outcome in
            // Also of a call that goes on after its time: its message is no longer its own.
            self.process.quarantine.leave(incoming.delivery.token)
            completion(outcome, context)
        }
    }

    /// Why a call is not to be made: too many wait for it; `nil` when it may be. It is asked before a worker is: those that wait
    /// may have them all.
    func chainExcess(_ entrypoint: String, _ headers: Headers) -> CallChainExceeded? {
        self.process.settings.callChains.excess(self.name, entrypoint, after: CallContext(chainIn: headers))
    }

    func context(
        _ entrypoint: String,
        headers: Headers,
        deadline: Deadline? = nil,
        redelivered: Bool = false,
        attempt: Int = 1,
        message: Message? = nil,
        isAwaited: Bool = true
    ) -> WorkerContext {
        var parents = CallContext(headers: headers, keeping: self.process.settings.contextKeys)
        if !isAwaited { parents.depth = 0 }
        return WorkerContext(
            service: self.name,
            entrypoint: entrypoint,
            parents: parents,
            deadline: deadline,
            redelivered: redelivered,
            attempt: attempt,
            message: message,
            ids: self.process.overrides.ids,
            parentCallsTracked: self.process.settings.parentCallsTracked,
            logger: self.logger
        )
    }
}
