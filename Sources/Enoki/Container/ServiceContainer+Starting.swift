import Logging

/// What a container asks of its broker while it starts: until it has an answer, however long the broker is away.
extension ServiceContainer {
    /// Declares `topology`. A broker that does not answer, or goes away meanwhile, is asked again.
    ///
    /// - Throws: `BrokerError` when the broker refuses; `CancellationError` when the container is to stop before.
    func declare(_ topology: Topology) async throws {
        try await self.untilAnswered { try await self.process.broker.declare(topology) }
    }

    /// Declares `topology`, and uses what exists with other arguments as it is, unless ``ServiceSettings/strictTopology`` is set:
    /// in a rolling deploy both versions of a service work with one queue.
    ///
    /// - Throws: `BrokerError` when the broker refuses; `CancellationError` when the container is to stop before.
    func declareOrUse(_ topology: Topology) async throws {
        guard !self.process.settings.strictTopology else { return try await self.declare(topology) }
        for difference in try await self.untilAnswered({ try await self.process.broker.declareOrUse(topology) }) {
            self.logger.warning("used as it is: \(difference)")
        }
    }

    /// Does `ask` until the broker has answered, and all queues are in reach.
    ///
    /// - Throws: What `ask` throws, but for a broker that does not answer, or that cannot reach a queue; `CancellationError` when the
    ///   container is to stop before.
    func untilAnswered<Answer: Sendable>(_ ask: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        try await withThrowingTaskGroup(of: Answer?.self) { group in
            group.addTask {
                while true {
                    do {
                        return try await ask()
                    } catch let error as BrokerError where Self.maySucceedLater(error) {
                        try Task.checkCancellation()
                        self.logger.warning(
                            "the broker does not answer while the service starts; asking again",
                            metadata: [LoggingKeys.error: "\(error)"]
                        )
                        await self.wait(.seconds(1))
                        try Task.checkCancellation()
                    }
                }
            }
            group.addTask {
                await self.stopRequested.wait()
                return nil
            }
            defer { group.cancelAll() }
            if let answer = try await group.next() ?? nil { return answer }
            group.cancelAll()
            // One that has come all the same is somebody's, such as a consumer that has to be closed.
            guard let late = try? await group.next() ?? nil else { throw CancellationError() }
            return late
        }
    }

    private static func maySucceedLater(_ error: BrokerError) -> Bool {
        [.timedOut, .connectionLost, .connectionFailed, .notSent].contains(error.code) || error.isQueueDown
    }

    private func wait(_ duration: Duration) async {
        let isOver = Latch()
        let timer = self.process.timers.schedule(after: duration) { isOver.open() }
        await isOver.wait()
        self.process.timers.cancel(timer)
    }
}
