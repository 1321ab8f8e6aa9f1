import Logging

/// An event handler in a container: consumes its queue.
final class BoundEventHandler: BoundEntrypoint {
    private let handler: EventHandler
    private let topology: Topology
    private let container: ServiceContainer
    private let consumer = Locked<(any Consumer)?>(nil)

    init(handler: EventHandler, topology: Topology, container: ServiceContainer) {
        self.handler = handler
        self.topology = topology
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
        )
    }

    func start() async throws {
        try await self.container.process.broker.declare(self.topology)
        let consumer = try await self.container.consume(self.topology.queues[0].name) { delivery, deadline in
            await self.handle(delivery, deadline)
        }
        self.consumer.withLock { $0 = consumer }
    }

    func stop() async { await self.consumer.withLock { $0 }?.cancel() }

    func close() async { await self.consumer.withLock { $0 }?.close() }

    /// The way of an event: decode, work, settle.
    private func handle(_ delivery: Delivery, _ deadline: Deadline?) async {
        let name = self.handler.name
        let method: @Sendable () async throws -> any Sendable
        do {
            method = try self.handler.method(for: delivery.message, self.container.process.codecs)
        } catch {
            let reason = (error as? DecodingError)?.explanation(at: []) ?? "\(error)"
            self.container.logger.error(
                "dropped an event that cannot be read",
                metadata: [LoggingKeys.entrypoint: "\(name)", LoggingKeys.error: "\(reason)"]
            )
            let service = self.container.name
            self.container.process.overrides.observe?(.refused(service: service, entrypoint: name, error))
            // To deliver it again would change nothing.
            FailurePolicy.discard.settlement(for: .failed(error)).apply(to: delivery)
            return
        }
        let outcome = await self.container.work(
            on: delivery,
            until: deadline,
            entrypoint: name,
            expects: self.handler.expects,
            method: method
        )
        self.handler.policy.settlement(for: outcome).apply(to: delivery)
    }
}
