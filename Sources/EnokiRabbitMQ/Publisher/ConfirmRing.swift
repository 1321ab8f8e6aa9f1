import DequeModule
import EnokiBroker

/// What the broker's answers mean for a message.
enum PublishResult: Sendable, Equatable {
    case confirmed
    case failed(BrokerError)
    /// The broker has certainly not taken it, and can be asked again.
    case sendAgain
}

/// The messages of one channel that were sent and are not confirmed, in the order of their sequence numbers; performs no
/// I/O.
///
/// The first message published on a channel has number 1, and the broker confirms by number, singly or all up to one
/// (`multiple`), in any order (<https://www.rabbitmq.com/docs/confirms>). A ring of entries makes each of these O(1) for
/// every message.
struct ConfirmRing {
    private struct Entry {
        let publication: Publication
        /// Where its bytes are in the stream of the session.
        var range: Range<Outbox.Offset>
        /// Whether its outcome was told before the broker's answer came.
        var isTold = false
        /// Whether the broker has answered.
        var isSettled = false
    }

    /// Who is to be told what.
    typealias Completion = (publication: Publication, result: PublishResult)

    private var entries: Deque<Entry> = []
    /// The number of the first entry.
    private var first: UInt64 = 1
    private var waiting = 0
    /// Why messages were returned, by the identity of the message.
    private var failures: [ObjectIdentifier: BrokerError] = [:]
    /// Exchanges that took a message on this channel.
    private var provenExchanges: Set<ByteName> = []
    private var lastProvenExchange: String?

    /// Whether nobody waits.
    var isIdle: Bool { self.waiting == 0 }

    /// A message is sent; it gets the next number.
    mutating func append(_ publication: Publication, at range: Range<Outbox.Offset>) {
        self.entries.append(Entry(publication: publication, range: range))
        self.waiting += 1
    }

    /// The broker has taken (`basic.ack`) or refused (`basic.nack`) number `tag`, or all up to it.
    mutating func settle(tag: UInt64, multiple: Bool, refused: Bool, into completions: inout [Completion]) {
        guard tag >= self.first, tag - self.first < UInt64(self.entries.count) else { return }
        let index = Int(tag - self.first)
        for index in (multiple ? 0 : index)...index { self.settle(index, refused: refused, into: &completions) }
        while let entry = self.entries.first, entry.isSettled {
            self.entries.removeFirst()
            self.first += 1
        }
    }

    private mutating func settle(_ index: Int, refused: Bool, into completions: inout [Completion]) {
        guard !self.entries[index].isSettled else { return }
        self.entries[index].isSettled = true
        let publication = self.entries[index].publication
        if !refused { self.prove(publication.exchange) }
        let failure = self.failures.isEmpty ? nil : self.failures.removeValue(forKey: ObjectIdentifier(publication))
        guard self.take(index) else { return }
        if refused {
            let error = BrokerError(
                .rejected,
                "the broker refused the message (basic.nack); a queue that it was routed to is full or has failed"
            )
            completions.append((publication, .failed(error)))
        } else {
            completions.append((publication, failure.map { .failed($0) } ?? .confirmed))
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
        for index in self.entries.indices.reversed() where !self.entries[index].isTold {
            let publication = self.entries[index].publication
            guard publication.deadline <= now else {
                next = min(next ?? publication.deadline, publication.deadline)
                continue
            }
            _ = self.take(index)
            if withdraw(self.entries[index].range) {
                self.remove(index)
                let error = BrokerError(.notSent, "the message was not sent in time: the broker takes no more bytes")
                completions.append((publication, .failed(error)))
            } else {
                let error = BrokerError(
                    .outcomeUnknown,
                    "the message was sent, and the broker did not confirm it in time"
                )
                completions.append((publication, .failed(error)))
            }
        }
        return next
    }

    private mutating func remove(_ index: Int) {
        let length = UInt64(self.entries[index].range.count)
        self.entries.remove(at: index)
        for later in index..<self.entries.count {
            let range = self.entries[later].range
            self.entries[later].range = range.lowerBound - length..<range.upperBound - length
        }
    }

    /// The session is over. What never left can be sent again; of the rest nobody knows.
    mutating func lose(_ error: BrokerError, neverLeft: (Range<Outbox.Offset>) -> Bool) -> [Completion] {
        self.removeAll { entry in
            if neverLeft(entry.range) { return .sendAgain }
            return .failed(
                BrokerError(
                    .outcomeUnknown,
                    "the connection was lost before the broker confirmed the message: \(error.message)"
                )
            )
        }
    }

    /// The broker has closed the channel because of a message.
    ///
    /// It handles messages in order and drops all that follow the guilty one, so those can be sent again, and only of
    /// those before it nobody knows. Which one is guilty follows from the exchange that the broker names. It is not
    /// certain where several messages to that exchange were unconfirmed *and* the exchange is known to have existed:
    /// then it was deleted meanwhile, and what lies between the first and the last of them may have been taken.
    mutating func close(_ closure: IncomingMethod.Closure) -> [Completion] {
        let unconfirmed = self.entries.indices.filter { !self.entries[$0].isSettled }
        let candidates = unconfirmed.filter { closure.names(exchange: self.entries[$0].publication.exchange) }
        let guilty = BrokerError(BrokerError.Code(reply: closure.code), "publishing failed: \(closure.text)")
        let unknown = PublishResult.failed(
            BrokerError(
                .outcomeUnknown,
                "the broker closed the channel before it confirmed the message: \(closure.text)"
            )
        )
        guard let first = candidates.first ?? (unconfirmed.count == 1 ? unconfirmed.first : nil),
            let last = candidates.last ?? unconfirmed.first
        else { return self.removeAll { _ in unknown } }
        let isCertain =
            first == last || !self.provenExchanges.contains(ByteName(self.entries[first].publication.exchange))
        var index = -1
        return self.removeAll { entry in
            index += 1
            if isCertain, index == first { return .failed(guilty) }
            if index > (isCertain ? first : last) { return .sendAgain }
            return unknown
        }
    }

    private mutating func removeAll(_ result: (Entry) -> PublishResult) -> [Completion] {
        defer {
            self.entries = []
            self.failures = [:]
            self.waiting = 0
        }
        return self.entries.compactMap { entry in
            var result = result(entry)
            // It has come back, so it is in no queue, whatever became of the rest.
            if let failure = self.failures[ObjectIdentifier(entry.publication)] { result = .failed(failure) }
            return entry.isTold ? nil : (entry.publication, result)
        }
    }
}

extension IncomingMethod.Closure {
    /// Whether the text is about that exchange, such as `NOT_FOUND - no exchange 'x' in vhost '/'`.
    fileprivate func names(exchange: String) -> Bool {
        self.text.utf8.firstRange(of: "exchange '\(exchange)'".utf8) != nil
    }
}
