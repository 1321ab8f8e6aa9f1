import Enoki
import EnokiBroker

/// The dead letters of a queue: they can be listed, replayed and discarded, over AMQP alone.
///
/// Whoever looks consumes, without acknowledging, and gives back: all are again at their place then, and are marked as
/// redelivered. A letter is acknowledged only when the broker has confirmed its replay, or when it is to be discarded.
struct DeadLetterQueue: Sendable {
    let name: DeadLetterQueueName
    let broker: any Broker
    let clock: any Clock<Duration>
    let now: @Sendable () -> UInt64

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
    ///   - contentType: What their bodies are, in place of what their publishers said.
    ///   - rate: How fast, at most.
    ///   - progress: Called after each.
    /// - Throws: ``DeadLetterError``, and `BrokerError` where the queue cannot be consumed; nothing is done then.
    func replay(
        _ selection: LetterSelection = .all,
        limit: Int = Self.defaultLimit,
        to destination: String? = nil,
        body: [UInt8]? = nil,
        contentType: String? = nil,
        rate: ReplayRate? = nil,
        progress: (ListedLetter) -> Void = { _ in }
    ) async throws -> LetterReport {
        try await self.hold(selection, limit: limit, keepsMessages: true) { listing, held in
            // Before the first is published: half of a replay helps nobody.
            let plan = try held.map { held in
                guard let message = held.message else { throw Self.tooLarge }
                let replayed = try ReplayedMessage(
                    message,
                    held.letter,
                    in: self.name,
                    to: destination,
                    body: body,
                    contentType: contentType
                )
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

    static let tooLarge = DeadLetterError(
        "the dead letters that are meant have more than \(LetterIntake.maximumBytes >> 20) MB: take fewer at once with --limit"
    )

    static let connectionLost = "the connection to the broker was lost"

    private static func explanation(of error: BrokerError, to queue: String) -> String {
        switch error.code {
        case .unroutable: "there is no queue '\(queue)': start its service, or name another queue with --to"
        case .outcomeUnknown: "\(error.message) It is among the dead letters still, and may be in '\(queue)' too"
        default: "\(error)"
        }
    }
}
