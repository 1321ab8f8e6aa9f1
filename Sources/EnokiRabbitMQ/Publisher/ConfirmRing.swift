import CRabbitMQ
import DequeModule
import EnokiBroker

/// What the broker's answers mean for a message.
enum PublishResult: Sendable, Equatable {
    case confirmed
    case failed(BrokerError)
    /// It is sent again; `mayHaveArrived` where the broker may have taken it already.
    case sendAgain(mayHaveArrived: Bool)
}

/// The messages of one channel that were sent and are not confirmed, in the order of their sequence numbers; performs no
/// I/O.
///
/// The first message published on a channel has number 1, and the broker confirms by number, singly or all up to one
/// (`multiple`), in any order (<https://www.rabbitmq.com/docs/confirms>). A ring of entries makes each of these O(1) for
/// every message.
struct ConfirmRing {
    private struct Entry {
        let outgoing: Outgoing
        var number: UInt64
        /// Where its bytes are in the stream of the session.
        var range: Range<Outbox.Offset>
        /// Whether its outcome was told before the broker's answer came.
        var isTold = false
        /// Whether the broker has answered.
        var isSettled = false

        var publication: Publication { self.outgoing.publication }

        /// What becomes of it when its channel ends and the broker may have taken it: once it is sent again, so that there
        /// are no more than two of it.
        func afterLoss(_ reason: String) -> PublishResult {
            if !self.outgoing.mayHaveArrived { return .sendAgain(mayHaveArrived: true) }
            return .failed(BrokerError(.outcomeUnknown, "the message was sent twice and not confirmed: \(reason)"))
        }

        /// What becomes of it when its channel ends and the broker has not taken it this time.
        var unsent: PublishResult { .sendAgain(mayHaveArrived: self.outgoing.mayHaveArrived) }
    }

    /// Who is to be told what.
    typealias Completion = (publication: Publication, result: PublishResult)

    /// In the order of their numbers.
    private var entries: Deque<Entry> = []
    private var nextNumber: UInt64 = 1
    private var waiting = 0
    /// Why messages were returned, by the identity of the message.
    private var failures: [ObjectIdentifier: BrokerError] = [:]
    /// Exchanges that took a message on this channel.
    private var provenExchanges: Set<ByteName> = []
    private var lastProvenExchange: String?

    /// Whether nobody waits.
    var isIdle: Bool { self.waiting == 0 }
    /// Whether nobody waits, and the broker still owes answers: those for messages whose time is over. One that was given up
    /// before its time may still be answered.
    func isSpent(at now: ContinuousClock.Instant) -> Bool {
        self.waiting == 0 && self.unanswered > 0
            && self.entries.allSatisfy { $0.isSettled || $0.publication.deadline <= now }
    }
    /// How many the broker has not answered.
    private(set) var unanswered = 0
    /// About how many bytes these are.
    private(set) var unansweredBytes = 0
    /// How many of them were sent before, and are not sent a third time.
    private(set) var unansweredAgain = 0
    /// How many are kept.
    var kept: Int { self.entries.count }
    /// How many answers have come after their publishers had given up.
    private(set) var lateAnswers = 0

    /// A message is sent; it gets the next number.
    mutating func append(_ outgoing: Outgoing, at range: Range<Outbox.Offset>) {
        self.entries.append(Entry(outgoing: outgoing, number: self.nextNumber, range: range))
        self.nextNumber += 1
        self.waiting += 1
        self.count(outgoing, 1)
    }

    private mutating func count(_ outgoing: Outgoing, _ change: Int) {
        self.unanswered += change
        self.unansweredBytes += change * outgoing.publication.estimatedSize
        if outgoing.mayHaveArrived { self.unansweredAgain += change }
    }

    /// The broker has taken (`basic.ack`) or refused (`basic.nack`) number `tag`, or all up to it.
    mutating func settle(tag: UInt64, multiple: Bool, refused: Bool, into completions: inout [Completion]) {
        guard tag < self.nextNumber, let index = self.lastIndex(upTo: tag) else { return }
        if multiple {
            for index in 0...index { self.settle(index, refused: refused, into: &completions) }
        } else if self.entries[index].number == tag {
            self.settle(index, refused: refused, into: &completions)
        }
        self.forgetSettled()
    }

    private func lastIndex(upTo tag: UInt64) -> Int? {
        guard let first = self.entries.first?.number, first <= tag else { return nil }
        // Mostly none is missing between them.
        let distance = tag - first
        if distance < UInt64(self.entries.count), self.entries[Int(distance)].number == tag { return Int(distance) }
        var (low, high) = (0, self.entries.count)
        while low < high {
            let middle = (low + high) / 2
            if self.entries[middle].number <= tag { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }

    /// What is settled goes when it comes to the front. Behind one that the broker does not answer it goes when it is most of
    /// what is kept, so that each costs a constant time and the memory is bounded by what is not answered.
    private mutating func forgetSettled() {
        while let entry = self.entries.first, entry.isSettled { self.entries.removeFirst() }
        let settled = self.entries.count - self.unanswered
        if settled > Self.mostSettled, settled > self.unanswered { self.entries.removeAll(where: \.isSettled) }
    }

    /// How many may be kept in any case.
    static let mostSettled = 1_000

    private mutating func settle(_ index: Int, refused: Bool, into completions: inout [Completion]) {
        guard !self.entries[index].isSettled else { return }
        self.entries[index].isSettled = true
        let outgoing = self.entries[index].outgoing
        let publication = outgoing.publication
        self.count(outgoing, -1)
        if !refused { self.prove(publication.exchange) }
        let failure = self.failures.isEmpty ? nil : self.failures.removeValue(forKey: ObjectIdentifier(publication))
        guard self.take(index) else {
            self.lateAnswers += 1
            return
        }
        if refused {
            let error = BrokerError(
                .rejected,
                "the broker refused the message (basic.nack); a queue that it was routed to is full or has failed"
            )
            completions.append((publication, .failed(outgoing.failure(error))))
        } else {
            completions.append((publication, failure.map { .failed(outgoing.failure($0)) } ?? .confirmed))
        }
    }

    private mutating func prove(_ exchange: String) {
        if self.lastProvenExchange == exchange { return }
        self.lastProvenExchange = exchange
        self.provenExchanges.insert(ByteName(exchange))
    }

    /// Whether the outcome of the entry is still to be told; from now on it is not.
    private mutating func take(_ index: Int) -> Bool {
        if self.entries[index].isTold { return false }
        self.entries[index].isTold = true
        self.waiting -= 1
        return true
    }

    /// The broker has returned a message; its confirm follows.
    ///
    /// Returns come in the order of publishing, so it is the first that is unconfirmed, mandatory, and the same in all
    /// that is known of it.
    mutating func returned(_ reason: IncomingMethod.Return, _ properties: BasicProperties?) {
        let index = self.entries.firstIndex { entry in
            let publication = entry.publication
            guard !entry.isSettled, publication.mandatory else { return false }
            return self.failures[ObjectIdentifier(publication)] == nil
                && publication.exchange.hasSameBytes(as: reason.exchange)
                && publication.routingKey.hasSameBytes(as: reason.routingKey)
                && (properties == nil
                    || publication.message.properties.messageID == properties?.messageID
                        && publication.message.properties.correlationID == properties?.correlationID)
        }
        guard let index else { return }
        self.failures[ObjectIdentifier(self.entries[index].publication)] = BrokerError(
            .unroutable,
            "the message reached no queue: exchange '\(reason.exchange)', routing key '\(reason.routingKey)':"
                + " \(reason.code) \(reason.text)"
        )
    }

    /// Tells who is overdue. What never left is taken back by `withdraw`, and forgotten.
    ///
    /// - Returns: The next deadline.
    mutating func expire(
        at now: ContinuousClock.Instant,
        withdraw: (Range<Outbox.Offset>) -> Bool,
        into completions: inout [Completion]
    ) -> ContinuousClock.Instant? {
        var next: ContinuousClock.Instant?
        // From the newest: one that is taken back moves only those that were looked at already.
        for index in self.entries.indices.reversed() where !self.entries[index].isSettled {
            let publication = self.entries[index].publication
            guard publication.deadline <= now else {
                next = min(next ?? publication.deadline, publication.deadline)
                continue
            }
            guard !self.entries[index].isTold else { continue }
            let completion = self.giveUp(
                index,
                withdraw: withdraw,
                notSent: BrokerError(.notSent, "the message was not sent in time: the broker takes no more bytes"),
                unknown: BrokerError(
                    .outcomeUnknown,
                    "the message was sent, and the broker did not confirm it in time"
                )
            )
            completions.append(completion)
        }
        return next
    }

    /// Tells those whose publishers wait no longer; what never left is taken back, as in ``expire(at:withdraw:into:)``.
    mutating func giveUp(
        where isGivenUp: (Publication) -> Bool,
        withdraw: (Range<Outbox.Offset>) -> Bool,
        into completions: inout [Completion]
    ) {
        for index in self.entries.indices.reversed()
        where !self.entries[index].isTold && isGivenUp(self.entries[index].publication) {
            completions.append(
                self.giveUp(
                    index,
                    withdraw: withdraw,
                    notSent: .cancelledBeforeSending,
                    unknown: .cancelledBeforeConfirm
                )
            )
        }
    }

    private mutating func giveUp(
        _ index: Int,
        withdraw: (Range<Outbox.Offset>) -> Bool,
        notSent: BrokerError,
        unknown: BrokerError
    ) -> Completion {
        let outgoing = self.entries[index].outgoing
        _ = self.take(index)
        guard withdraw(self.entries[index].range) else { return (outgoing.publication, .failed(unknown)) }
        self.remove(index)
        return (outgoing.publication, .failed(outgoing.failure(notSent)))
    }

    private mutating func remove(_ index: Int) {
        let length = UInt64(self.entries[index].range.count)
        // The broker never gets it, and numbers those that follow without it.
        self.nextNumber -= 1
        self.count(self.entries[index].outgoing, -1)
        self.entries.remove(at: index)
        for later in index..<self.entries.count {
            let range = self.entries[later].range
            self.entries[later].range = range.lowerBound - length..<range.upperBound - length
            self.entries[later].number -= 1
        }
    }

    /// The session is over. What never left is sent again, and so is, once, what may have arrived.
    mutating func lose(_ error: BrokerError, neverLeft: (Range<Outbox.Offset>) -> Bool) -> [Completion] {
        self.removeAll { _, entry in
            neverLeft(entry.range)
                ? entry.unsent
                : entry.afterLoss("the connection was lost before the broker confirmed it: \(error.message)")
        }
    }

    /// The broker has closed the channel because of a message, which fails. All others are sent again.
    ///
    /// It handles messages in order and drops all that follow the guilty one; those before it may have arrived.
    mutating func close(_ closure: IncomingMethod.Closure) -> [Completion] {
        let guilty = BrokerError(BrokerError.Code(reply: closure.code), "publishing failed: \(closure.text)")
        let reason = "the broker closed the channel before it confirmed it: \(closure.text)"
        let blame = self.blame(for: closure)
        return self.removeAll { index, entry in
            if case .certain(index) = blame { return .failed(entry.outgoing.failure(guilty)) }
            return index > blame.last ? entry.unsent : entry.afterLoss(reason)
        }
    }

    /// How many messages may be guilty of the channel's end, or were sent before one that is.
    func suspects(of closure: IncomingMethod.Closure) -> Int {
        guard case .oneUpTo(let last) = self.blame(for: closure) else { return 0 }
        return self.entries.prefix(last + 1).count { !$0.isSettled }
    }

    /// Whose fault the end of a channel is.
    private enum Blame {
        /// The fault of this one.
        case certain(Int)
        /// Of one of all up to this one.
        case oneUpTo(Int)

        var last: Int {
            switch self {
            case .certain(let index), .oneUpTo(let index): index
            }
        }
    }

    /// Which one is guilty follows from what the broker names. Where it has refused access it is the first that this may be about:
    /// nobody's rights change on a channel between two messages. An exchange that does not exist, though, may have been
    /// deleted meanwhile, so that the first messages to it were taken.
    private func blame(for closure: IncomingMethod.Closure) -> Blame {
        let unconfirmed = self.entries.indices.filter { !self.entries[$0].isSettled }
        let candidates = unconfirmed.filter { closure.isAbout(self.entries[$0].publication) }
        guard let first = candidates.first ?? (unconfirmed.count == 1 ? unconfirmed.first : nil),
            let last = candidates.last ?? unconfirmed.first
        else { return .oneUpTo(self.entries.count - 1) }
        if first == last { return .certain(first) }
        let isProven = self.provenExchanges.contains(ByteName(self.entries[first].publication.exchange))
        return closure.refusesTopic || closure.refusesAccess && !isProven ? .certain(first) : .oneUpTo(last)
    }

    /// Forgets what nobody waits for.
    mutating func reset() { self = ConfirmRing() }

    private mutating func removeAll(_ result: (Int, Entry) -> PublishResult) -> [Completion] {
        defer {
            self.entries = []
            self.failures = [:]
            self.waiting = 0
            self.unanswered = 0
            self.unansweredBytes = 0
            self.unansweredAgain = 0
        }
        return self.entries.enumerated().compactMap { index, entry in
            if entry.isTold { return nil }
            // It has come back, so this time it is in no queue, whatever became of the rest.
            if let failure = self.failures[ObjectIdentifier(entry.publication)] {
                return (entry.publication, .failed(entry.outgoing.failure(failure)))
            }
            return (entry.publication, result(index, entry))
        }
    }
}

extension IncomingMethod.Closure {
    /// The exchange of which the broker says that it does not exist: `NOT_FOUND - no exchange 'x' in vhost '/'`.
    var missingExchange: String? {
        guard Int32(clamping: self.code) == AMQP_NOT_FOUND, let start = self.text.firstRange(of: "no exchange '"),
            let end = self.text[start.upperBound...].ranges(of: "' in vhost '").last
        else { return nil }
        return String(self.text[start.upperBound..<end.lowerBound])
    }

    /// Whether the user lacks a right.
    fileprivate var refusesAccess: Bool { Int32(clamping: self.code) == AMQP_ACCESS_REFUSED }

    /// Whether it is the right to a routing key: `ACCESS_REFUSED - access to topic 'k' in exchange 'x' in vhost '/' refused for
    /// user 'u'` (`rabbit_access_control:check_topic_access`).
    fileprivate var refusesTopic: Bool { self.refusesAccess && self.text.firstRange(of: "access to topic '") != nil }

    /// Whether the text is about the exchange of a message, such as `NOT_FOUND - no exchange 'x' in vhost '/'`, and about its
    /// routing key where it names one.
    fileprivate func isAbout(_ publication: Publication) -> Bool {
        guard self.names("exchange '\(publication.exchange)'") else { return false }
        return !self.refusesTopic || self.names("access to topic '\(publication.routingKey)' in exchange")
    }

    private func names(_ text: String) -> Bool { self.text.utf8.firstRange(of: text.utf8) != nil }
}
