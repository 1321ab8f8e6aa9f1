import Enoki
import EnokiBroker

/// How letters are held: until they are settled nobody else gets them, and whoever looks can see that somebody has some.
extension DeadLetterQueue {
    /// Consumes up to `limit` letters, gives back those that are not meant, runs `body` with the others, and gives back what
    /// `body` has not settled.
    ///
    /// Two consumers share the work. The first takes all but one letter and ends. The second takes the last, and by its
    /// prefetch no other: it stays until all are settled.
    func hold(
        _ selection: LetterSelection,
        limit: Int,
        keepsMessages: Bool,
        _ body: (LetterListing, [LetterIntake.Held]) async throws -> LetterReport
    ) async throws -> LetterReport {
        guard let status = try await self.status() else {
            return try await body(LetterListing(queue: self.name, exists: false), [])
        }
        let wanted = min(status.messageCount, max(limit, 0), Self.maximumLimit)
        var listing = LetterListing(queue: self.name, count: status.messageCount, consumerCount: status.consumerCount)
        guard wanted > 0 else { return try await body(listing, []) }
        let now = self.now()
        let intake = LetterIntake { keepsMessages && selection.contains($0, at: now) }
        let keeper = LastLetter()
        var consumers: [any Consumer] = []
        do {
            if wanted > 1 {
                consumers.append(try await self.consume(prefetch: wanted - 1, intake.take))
                try await self.wait(for: wanted - 1, in: intake)
            }
            let isComplete = intake.count >= wanted - 1
            let keeping = try await self.consume(prefetch: 1) { intake.take(keeper.keep($0)) }
            consumers.append(keeping)
            // The queue is empty otherwise: others have taken some.
            if isComplete { try await self.wait(for: wanted, in: intake) }
            for consumer in consumers.dropLast() { await consumer.cancel() }
            let held = try Self.complete(intake)
            let meant = selection.choose(from: held, letter: \.letter, at: now)
            guard !keepsMessages || meant.allSatisfy({ $0.message != nil }) else { throw Self.tooLarge }
            let numbers = Set(meant.map(\.letter.number))
            for held in held where !numbers.contains(held.letter.number) { held.token.settle(.requeue) }
            listing.look(at: held.map(\.letter), meant: meant.map(\.letter), of: wanted)
            var report = try await body(listing, meant)
            for held in held { held.token.settle(.requeue) }
            await keeping.cancel()
            keeper.settle()
            report.isUncertain = !report.done.isEmpty && !held.allSatisfy { $0.token.isHeld }
            await self.close(consumers, of: held, settled: report.done.count, beside: listing.consumerCount)
            return report
        } catch {
            for consumer in consumers { await consumer.close() }
            throw error
        }
    }

    private func consume(
        prefetch: Int,
        _ onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer {
        var options = ConsumerOptions(prefetch: prefetch)
        // Otherwise the transport would reject what it cannot read whole: who only looks would lose it.
        options.takesDefective = true
        return try await self.broker.consume(self.name.name, options: options, onDelivery: onDelivery)
    }

    /// What has come, when no more is waited for.
    private static func complete(_ intake: LetterIntake) throws(DeadLetterError) -> [LetterIntake.Held] {
        // The wait ends at a cancellation, too, and what is here then is not all.
        if Task.isCancelled { throw DeadLetterError("it was told to stop; nothing was changed") }
        let held = intake.held
        // Some would be there twice: the broker delivers them again.
        guard held.allSatisfy({ $0.token.isHeld }) else {
            throw DeadLetterError("\(Self.connectionLost) while the dead letters were looked at; nothing was changed")
        }
        return held
    }

    /// Ends the consumers, and returns when whoever looks next sees that they have ended and what was given back.
    ///
    /// RabbitMQ answers the end of a channel before the queue has back what was delivered on it, and the end of a consumer of a
    /// quorum queue before the queue counts one less.
    private func close(
        _ consumers: [any Consumer],
        of held: [LetterIntake.Held],
        settled: Int,
        beside others: Int
    ) async {
        let isHeld = held.allSatisfy { $0.token.isHeld }
        for consumer in consumers { await consumer.close() }
        guard isHeld else { return }
        for milliseconds in [5, 10, 20, 40, 80, 160, 320] {
            guard let status = try? await self.status() else { return }
            let isLate = status.consumerCount == 0 && status.messageCount < held.count - settled
            guard isLate || status.consumerCount > others else { return }
            try? await self.clock.sleep(for: .milliseconds(milliseconds))
        }
    }

    /// Whether the queue is there whose dead letters these are: without it the name is likely a mistake. That of lost
    /// messages is none.
    func hasOriginal() async throws(BrokerError) -> Bool {
        guard let original = self.name.original else { return true }
        return try await self.status(of: original) != nil
    }

    /// The state of the queue; `nil` where there is none.
    private func status() async throws(BrokerError) -> QueueStatus? { try await self.status(of: self.name.name) }

    private func status(of queue: String) async throws(BrokerError) -> QueueStatus? {
        do {
            return try await self.broker.inspect(queue: queue)
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    // MARK: - Waiting

    /// Returns when so many have come, or when the queue has none left to deliver.
    private func wait(for count: Int, in intake: LetterIntake) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await intake.wait(for: count) }
            group.addTask { try await self.waitUntilNoneAreLeft(for: intake) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Returns when the queue is empty and what it has delivered has arrived: others may have taken some.
    private func waitUntilNoneAreLeft(for intake: LetterIntake) async throws {
        var waited = Duration.zero
        var pause = Duration.milliseconds(10)
        var former: Int?
        while true {
            let isEmpty = try await self.broker.inspect(queue: self.name.name).messageCount == 0
            let count = intake.count
            if isEmpty, count == former, pause == Self.longestPause { return }
            if count != former { waited = .zero }
            former = count
            guard waited < Self.patience else {
                throw DeadLetterError(
                    "\(self.name) delivers nothing, though it has dead letters: somebody may have it for himself"
                )
            }
            try await self.clock.sleep(for: pause)
            waited += pause
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private static let longestPause = Duration.milliseconds(160)
    /// Until a broker that has letters and delivers none is given up.
    private static let patience = Duration.seconds(10)
}
