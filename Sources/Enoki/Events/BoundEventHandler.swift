import Logging

/// An event handler in a container: consumes its queue.
final class BoundEventHandler: BoundEntrypoint {
    private let handler: EventHandler
    private let topology: Topology
    private let failures: FailureHandling
    private let idempotency: IdempotencyGuard?
    private let container: ServiceContainer
    private let consumer = Locked<(any Consumer)?>(nil)

    init(
        handler: EventHandler,
        topology: Topology,
        failures: FailureHandling,
        idempotency: IdempotencyGuard?,
        container: ServiceContainer
    ) {
        self.handler = handler
        self.topology = topology
        self.failures = failures
        self.idempotency = idempotency
        self.container = container
    }

    var summary: EntrypointSummary {
        let mode =
            switch self.handler.mode {
            case .servicePool: "service pool"
            case .singleton: "singleton"
            case .broadcast: "broadcast"
            }
        return EntrypointSummary(
            kind: "EventHandler",
            name: self.handler.name,
            trigger: "\(self.handler.source): \(self.handler.type) (\(mode))",
            topology: self.topology
        ).with(self.handling)
    }

    private var handling: Handling {
        Handling(
            queue: self.failures.queue,
            policy: self.failures.policy,
            limits: self.handler.limits,
            idempotency: self.handler.idempotency,
            deliveryLimit: self.container.process.settings.deliveryLimit
        )
    }

    func start() async throws {
        try await self.idempotency?.open()
        try await self.container.declareOrUse(self.topology)
        // Messages come back from there only by its arguments.
        try await self.container.declare(self.handling.retryTopology)
        let limits = self.handler.limits
        let limit = self.container.concurrencyLimit(limits)
        // One with a kill switch has a timeout, which is checked when the service starts.
        let mostInHand = limits.timeout.flatMap { self.failures.policy.killSwitch?.mostInHand(timeout: $0) }
        let consumer = try await self.container.consume(
            self.failures.queue.name,
            atMost: [limits.concurrency, mostInHand].compactMap { $0 }.min(),
            gate: self.failures.gate,
            putOff: { self.failures.putOff($0) },
            admit: { self.failures.admit($0) },
            limit: { _ in limit }
        ) { event in
            await self.handle(event)
        }
        self.consumer.withLock { $0 = consumer }
    }

    func run() async throws { await self.idempotency?.run(logger: self.container.logger) }

    func stop() async {
        await self.consumer.withLock { $0 }?.cancel()
        self.failures.gate?.close()
    }

    func close() async { await self.consumer.withLock { $0 }?.close() }

    /// The way of an event: judge, decode, work, settle.
    private func handle(_ event: Incoming) async {
        if let settlement = self.failures.settlement(returned: event) {
            return self.failures.settle(event, returned: settlement)
        }
        let decoded: DecodedEvent
        do {
            decoded = try self.handler.decode(event.message, self.container.process.codecs)
        } catch {
            return self.refuse(event, error)
        }
        let sender = event.message.properties.userID
        await self.container.work(
            on: event,
            attempt: self.failures.attempt(event),
            entrypoint: self.handler.name,
            limits: self.handler.limits,
            guarding: self.idempotency.map { CallGuard(idempotency: $0, sender: sender, key: decoded.key) },
            isAwaited: false,
            method: {
                try await decoded.method()
                return NoReply()
            }
        ) { outcome, context in
            self.failures.settle(event, outcome, of: context)
        }
    }

    private func refuse(_ event: Incoming, _ error: any Error) {
        let service = self.container.name
        self.container.process.overrides.observe?(.refused(service: service, entrypoint: self.handler.name, error))
        self.failures.settle(event, unreadable: error)
    }
}
