import Enoki
import EnokiBroker

/// The dead letters of a queue: they can be listed, replayed and discarded, over AMQP alone.
///
/// Whoever looks consumes, without acknowledging, and gives back: all are again at their place then, and are marked as
/// redelivered. A letter is acknowledged only when the broker has confirmed its replay, or when it is to be discarded.
struct DeadLetterQueue: Sendable {
    let name: DeadLetterQueueName
    private let broker: any Broker
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> UInt64

    /// - Parameters:
    ///   - name: The queue.
    ///   - broker: What runs meanwhile.
    ///   - clock: The clock by which a replay keeps its rate.
    ///   - now: The wall clock in seconds since 1970, for the age of letters.
    init(
        _ name: DeadLetterQueueName,
        on broker: any Broker,
        clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> UInt64
    ) {
        self.name = name
        self.broker = broker
        self.clock = clock
        self.now = now
    }

    /// The most that one look can hold: a prefetch has 16 bits.
    static let maximumLimit = 65_535
    /// How many are looked at unless more are asked for.
    static let defaultLimit = 1_000
    /// RabbitMQ takes a delivery back that was not settled within 30 minutes (`consumer_timeout`).
    static let longestHold = Duration.seconds(25 * 60)
    /// Until a broker that has letters and delivers none is given up.
    private static let patience = Duration.seconds(10)

    // MARK: - Looking

    /// Those of the oldest `limit` letters that are meant.
    func list(_ selection: LetterSelection = .all, limit: Int = Self.defaultLimit) async throws -> LetterListing {
        try await self.hold(selection, limit: limit, keepsMessages: false) { listing, _ in
            LetterReport(listing: listing)
        }.listing
    }

    /// Those of the oldest `limit` letters that are meant, with their messages.
    func messages(
        _ selection: LetterSelection,
        limit: Int = Self.defaultLimit
    ) async throws -> (listing: LetterListing, messages: [Message]) {
        var messages: [Message] = []
        let report = try await self.hold(selection, limit: limit, keepsMessages: true) { listing, held in
            messages = held.compactMap(\.message)
            return LetterReport(listing: listing)
        }
        return (report.listing, messages)
    }

    // MARK: - Settling

    /// Publishes those that are meant to the queue that they came from, each confirmed before it is acknowledged here.
    ///
    /// It stops at the first that fails, when the connection is lost, and when the task is cancelled; all that were not done
    /// are where they were. Where the connection is lost between a confirm and its acknowledgement a letter is both replayed and
    /// still here.
    ///
    /// - Parameters:
    ///   - destination: Where they go; by default where they came from.
    ///   - body: What takes the place of their bodies.
    ///   - rate: How fast, at most.
    ///   - progress: Called after each.
    /// - Throws: ``DeadLetterError``, and `BrokerError` where the queue cannot be consumed; nothing is done then.
    func replay(
        _ selection: LetterSelection = .all,
        limit: Int = Self.defaultLimit,
        to destination: String? = nil,
        body: [UInt8]? = nil,
        rate: ReplayRate? = nil,
        progress: (ListedLetter) -> Void = { _ in }
    ) async throws -> LetterReport {
        try await self.hold(selection, limit: limit, keepsMessages: true) { listing, held in
            // Before the first is published: half of a replay helps nobody.
            let plan = try held.map { held in
                guard let message = held.message else { throw Self.tooLarge }
                let replayed = try ReplayedMessage(message, held.letter, in: self.name, to: destination, body: body)
                return (held, replayed)
            }
            try Self.check(rate, count: plan.count)
            var report = LetterReport(selected: plan.count, listing: listing)
            for (held, replayed) in plan {
                if let rate, !report.done.isEmpty { try? await self.clock.sleep(for: rate.interval) }
                report.failure = await self.move(held, replayed)
                guard report.failure == nil else { break }
                report.done.append(held.letter)
                progress(held.letter)
            }
            return report
        }
    }

    /// Publishes a letter, and acknowledges it when the broker has it.
    ///
    /// - Returns: Why it was not published.
    private func move(_ held: LetterIntake.Held, _ replayed: ReplayedMessage) async -> LetterReport.Failure? {
        if Task.isCancelled { return .init(letter: nil, reason: "it was told to stop") }
        // The letter is in its queue again, and would be there still after its replay.
        guard held.token.isHeld else { return .init(letter: nil, reason: Self.connectionLost) }
        if let defect = held.message?.defect {
            let reason = "it cannot be sent as it was, \(defect.explanation); it stays where it is"
            return .init(letter: held.letter, reason: reason)
        }
        do throws(BrokerError) {
            let options = PublishOptions(mandatory: true, persistent: true)
            // One that was sent is waited for, whatever signal comes: it would be a letter and replayed.
            try await self.broker.publishWhateverHappens(
                replayed.message,
                to: "",
                routingKey: replayed.queue,
                options: options
            )
        } catch {
            return .init(letter: held.letter, reason: Self.explanation(of: error, to: replayed.queue))
        }
        held.token.settle(.ack)
        return nil
    }

    /// Removes those that are meant for good.
    ///
    /// - Parameter agreed: Those that somebody has seen and agreed to; of what came since none is removed.
    func discard(
        _ selection: LetterSelection,
        agreed: [ListedLetter],
        limit: Int = Self.defaultLimit
    ) async throws -> LetterReport {
        var left = Dictionary(agreed.map { ($0.digest, 1) }, uniquingKeysWith: +)
        return try await self.hold(selection, limit: limit, keepsMessages: false) { listing, held in
            var report = LetterReport(selected: agreed.count, listing: listing)
            for held in held {
                guard let count = left[held.letter.digest], count > 0 else { continue }
                left[held.letter.digest] = count - 1
                held.token.settle(.ack)
                report.done.append(held.letter)
            }
            return report
        }
    }

    private static func check(_ rate: ReplayRate?, count: Int) throws(DeadLetterError) {
        guard let rate, rate.time(for: count) > Self.longestHold else { return }
        throw DeadLetterError(
            "\(count) dead letters would take longer than \(Self.longestHold.words) at this rate, and brokers take back what "
                + "is held so long: replay fewer at once with --limit, or faster"
        )
    }

    private static let tooLarge = DeadLetterError(
        "the dead letters that are meant have more than \(LetterIntake.maximumBytes >> 20) MB: take fewer at once with --limit"
    )

    private static let connectionLost = "the connection to the broker was lost"

    private static func explanation(of error: BrokerError, to queue: String) -> String {
        switch error.code {
        case .unroutable: "there is no queue '\(queue)': start its service, or name another queue with --to"
        case .outcomeUnknown: "\(error.message) It is among the dead letters still, and may be in '\(queue)' too"
        default: "\(error)"
        }
    }

    // MARK: - Holding

    /// Consumes up to `limit` letters, gives back those that are not meant, runs `body` with the others, and gives back what
    /// `body` has not settled.
    private func hold(
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
        let intake = LetterIntake(wanted: wanted) { keepsMessages && selection.contains($0, at: now) }
        var options = ConsumerOptions(prefetch: wanted)
        // Otherwise the transport would reject what it cannot read whole: who only looks would lose it.
        options.takesDefective = true
        let consumer = try await self.broker.consume(self.name.name, options: options, onDelivery: intake.take)
        do {
            let held = try await self.fill(intake, wanted: wanted, from: consumer)
            let meant = selection.choose(from: held, letter: \.letter, at: now)
            guard !keepsMessages || meant.allSatisfy({ $0.message != nil }) else { throw Self.tooLarge }
            let numbers = Set(meant.map(\.letter.number))
            for held in held where !numbers.contains(held.letter.number) { held.token.settle(.requeue) }
            listing.lookedAt = held.count
            listing.letters = meant.map(\.letter)
            listing.takenByOthers = wanted - held.count
            var report = try await body(listing, meant)
            report.isUncertain = !report.done.isEmpty && !held.allSatisfy { $0.token.isHeld }
            await self.giveBack(held, to: consumer, besides: report.done.count)
            return report
        } catch {
            await consumer.close()
            throw error
        }
    }

    /// Gives back what is not settled, and returns when whoever looks next sees it.
    ///
    /// RabbitMQ answers the end of a channel before the queue has back what was delivered on it.
    private func giveBack(_ held: [LetterIntake.Held], to consumer: any Consumer, besides settled: Int) async {
        for held in held { held.token.settle(.requeue) }
        guard held.allSatisfy({ $0.token.isHeld }) else { return await consumer.close() }
        await consumer.close()
        for milliseconds in [5, 10, 20, 40, 80, 160, 320] {
            guard let status = try? await self.status(), status.consumerCount == 0,
                status.messageCount < held.count - settled
            else { return }
            try? await self.clock.sleep(for: .milliseconds(milliseconds))
        }
    }

    /// The state of the queue; `nil` where there is none.
    private func status() async throws(BrokerError) -> QueueStatus? {
        do {
            return try await self.broker.inspect(queue: self.name.name)
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// Waits for the letters, and then gets no more.
    private func fill(
        _ intake: LetterIntake,
        wanted: Int,
        from consumer: any Consumer
    ) async throws -> [LetterIntake.Held] {
        try await self.wait(for: intake, wanted: wanted)
        // The wait ends at a cancellation, too, and what is here then is not all.
        if Task.isCancelled { throw DeadLetterError("it was told to stop; nothing was changed") }
        await consumer.cancel()
        let held = intake.held
        // Some would be there twice: the broker delivers them again.
        guard held.allSatisfy({ $0.token.isHeld }) else {
            throw DeadLetterError("\(Self.connectionLost) while the dead letters were looked at; nothing was changed")
        }
        return held
    }

    /// Returns when all that were wanted have come, or when the queue has none left to deliver.
    private func wait(for intake: LetterIntake, wanted: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await intake.waitUntilEnough() }
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
}
