public import Enoki
public import EnokiInProcess

extension Cluster {
    /// What the in-process broker holds at this moment: queues with their messages, bindings, what reached no queue.
    ///
    /// - Throws: ``ExpectationError`` where the broker is another: ask `cluster.broker.inspect(queue:)` there.
    public func snapshot() throws -> BrokerSnapshot { try self.server().snapshot() }

    /// The in-process broker itself: to restart it, to block its publishers, to drop connections.
    ///
    /// - Throws: ``ExpectationError`` where the broker is another.
    public func server() throws -> InProcessBroker {
        guard let server = self.site.inProcess else {
            throw ExpectationError(
                "this test runs on \(self.broker.address), which a test can neither look into nor make fail: use "
                    + "`cluster.broker`, or run it in process"
            )
        }
        return server
    }

    /// Takes the first message out of a queue, on any broker; `nil` when there is none ready.
    ///
    /// - Throws: `BrokerError`, such as for a queue that does not exist.
    public func takeMessage(from queue: String) async throws -> Message? {
        guard try await self.broker.inspect(queue: queue).messageCount > 0 else { return nil }
        let first = Locked<Delivery?>(nil)
        let hasCome = Latch()
        // Unsettled, it keeps the others where they are.
        let consumer = try await self.broker.consume(queue, options: ConsumerOptions(prefetch: 1)) { delivery in
            first.withLock { $0 = $0 ?? delivery }
            hasCome.open()
        }
        _ = await Patience.wait(for: hasCome, atMost: self.patience)
        await consumer.cancel()
        let delivery = first.withLock { $0 }
        delivery?.token.settle(.ack)
        await consumer.close()
        return delivery?.message
    }

    /// Waits until a queue is as `condition` wants it, on any broker; one that does not exist yet is waited for too.
    ///
    /// For what takes part from outside of this test, such as a service in another language: nobody knows when it has
    /// started, or published.
    ///
    /// ```swift
    /// try await cluster.waitForQueue("rpc-payments") { $0.consumerCount > 0 }
    /// ```
    ///
    /// - Returns: The state that `condition` wanted.
    /// - Throws: ``ExpectationError`` when that does not happen within the patience of the test; what `condition` throws.
    @discardableResult
    public func waitForQueue(
        _ name: String,
        until condition: (QueueStatus) throws -> Bool
    ) async throws -> QueueStatus {
        let deadline = ContinuousClock.now.advanced(by: self.patience)
        while true {
            let status = try await self.status(of: name)
            if let status, try condition(status) { return status }
            guard ContinuousClock.now < deadline else {
                let found =
                    status.map { "it has \($0.messageCount) messages and \($0.consumerCount) consumers" }
                    ?? "there is none of that name"
                throw ExpectationError(
                    "queue '\(name)' was not as expected within \(self.patience): \(found)\n\n\(await self.report())"
                )
            }
            try await ContinuousClock().sleep(for: .milliseconds(10))
        }
    }

    /// Waits until the services have done what there is to do at this time.
    ///
    /// In process that is when nothing can go on but the time: every message that can be delivered was, and every call has
    /// ended or waits for something that only the test can give. On another broker nobody can know: it is when the queues of
    /// the services were seen empty, and no call running, several times in a row.
    ///
    /// - Throws: ``ExpectationError`` when that does not happen within the patience of the test, such as when a handler fails
    ///   for ever and has its event requeued.
    public func waitUntilQuiet() async throws {
        if self.site.inProcess != nil { return try await self.waitForExactQuiet() }
        let deadline = ContinuousClock.now.advanced(by: self.patience)
        var quietLooks = 0
        while quietLooks < Self.quietLooks {
            quietLooks = try await self.looksQuiet() ? quietLooks + 1 : 0
            guard ContinuousClock.now < deadline else {
                throw ExpectationError(
                    "the services did not become quiet within \(self.patience)\n\n\(await self.report())"
                )
            }
            try await ContinuousClock().sleep(for: .milliseconds(10))
        }
    }

    private func waitForExactQuiet() async throws {
        let isQuiet = Latch()
        await withTaskGroup { group in
            group.addTask {
                await self.clock.advance(by: .zero)
                if !Task.isCancelled { isQuiet.open() }
            }
            _ = await Patience.wait(for: isQuiet, atMost: self.patience)
            group.cancelAll()
        }
        try Task.checkCancellation()
        guard isQuiet.isOpen else {
            throw ExpectationError(
                "the services did not become quiet within \(self.patience)\n\n\(await self.report())"
            )
        }
    }

    private static let quietLooks = 5

    private func looksQuiet() async throws -> Bool {
        guard self.recorder.running.isEmpty else { return false }
        return try await self.queues().isEmpty
    }

    /// The queues of the services that are not empty, as far as any broker tells.
    private func queues() async throws -> [ClusterReport.QueueState] {
        let names = Set(
            self.hosts.flatMap(\.containers).flatMap(\.entrypoints).flatMap(\.topology.queues).map(\.name)
        )
        var queues: [ClusterReport.QueueState] = []
        for name in names.sorted() {
            guard let status = try await self.status(of: name), status.messageCount > 0 else { continue }
            queues.append(.init(name: name, ready: status.messageCount, consumers: status.consumerCount))
        }
        return queues
    }

    /// The state of a queue; `nil` where it is not there any more, or belongs to a connection that is not asked.
    private func status(of queue: String) async throws -> QueueStatus? {
        do {
            return try await self.broker.inspect(queue: queue)
        } catch {
            guard error.code == .notFound || error.code == .resourceLocked else { throw error }
            return nil
        }
    }

    /// What has happened, in words.
    func report() async -> String {
        var report = ClusterReport(
            entries: self.recorder.entries,
            running: self.recorder.running,
            codecs: self.codecs
        )
        report.seed = self.clock.seed
        if let snapshot = self.site.inProcess?.snapshot() {
            report.queues = snapshot.queues.filter { !$0.ready.isEmpty || $0.unsettledCount > 0 }.map { queue in
                ClusterReport.QueueState(
                    name: queue.queue.name,
                    ready: queue.ready.count,
                    unsettled: queue.unsettledCount,
                    consumers: queue.consumerCount,
                    first: Array(queue.ready.prefix(ClusterReport.maximumBodies))
                )
            }
            report.unroutable = snapshot.unroutable
            report.deadLetters = snapshot.deadLetters
            report.faults = self.site.inProcess?.faults ?? []
        } else {
            report.queues = (try? await self.queues()) ?? []
        }
        return report.description
    }
}
