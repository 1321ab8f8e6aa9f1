/// A message whose attempt has failed, and the copies of it: the one that waits for a retry, the one that counts how often it
/// has come back, and the dead letter.
struct FailedMessage: Sendable {
    /// The message as it was delivered, with the exchange and the routing key of the first time.
    let delivery: Delivery
    /// The queue that it was consumed from.
    let queue: String
    /// How messages get there at first, where one that comes otherwise would not be understood by all who consume it.
    let entrance: Entrance?
    /// The service and the entrypoint that failed.
    let service: String
    let entrypoint: String
    /// The id of the call that failed; `nil` where none was made.
    let callID: String?
    /// The message id of its copies: its own, or a new one where it has none, so that the log can name it.
    let messageID: String
    /// Why, in a word and in the last attempt.
    let reason: DeadLetterReason
    let error: any Error
    /// When, in seconds since 1970.
    let time: UInt64

    /// An exchange with a routing key that leads to one queue.
    struct Entrance: Sendable, Hashable {
        let exchange: String
        let routingKey: String
    }

    /// Whether it is a copy that has waited on the broker and come back.
    ///
    /// What RabbitMQ 3.10 takes from a classic queue when its time is over it publishes to the next one without a confirm
    /// (`rabbit_dead_letter:publish`). Should it crash in the moments until that has written it to its disk, the message is
    /// nowhere but here, and is not delivered again.
    var hasComeBack: Bool { self.delivery.message.properties.headers[FailureHeaders.queue] != nil }

    /// The copy that comes back after `attempts` attempts. A caller who waits has `timeLeft` when it does.
    func retryCopy(attempts: Int, timeLeft: Duration?) -> Message {
        self.copy { headers in
            // A call that has ended has not killed its process. One that only waits has not ended.
            if self.error is ClaimedElsewhere { self.returns.write(to: &headers) }
            headers[FailureHeaders.attempts] = .int64(Int64(attempts))
            // One that only waits has not failed.
            headers[FailureHeaders.firstFailure] = attempts > 0 ? .timestamp(self.firstFailure ?? self.time) : nil
            self.addWayBack(to: &headers, timeLeft: timeLeft)
        }
    }

    /// The copy that has come back unsettled as often as `returns` says, which are no attempts that failed.
    func returnedCopy(_ returns: Returns, timeLeft: Duration?) -> Message {
        self.copy { headers in
            returns.write(to: &headers)
            headers[FailureHeaders.attempts] = FailureHeaders.attemptsMade(in: self.received).map { .int64($0) }
            headers[FailureHeaders.firstFailure] = self.firstFailure.map { .timestamp($0) }
            self.addWayBack(to: &headers, timeLeft: timeLeft)
        }
    }

    private func addWayBack(to headers: inout Headers, timeLeft: Duration?) {
        headers[FailureHeaders.queue] = .string(self.queue)
        headers[FailureHeaders.exchange] = .string(self.delivery.exchange)
        headers[FailureHeaders.routingKey] = .string(self.delivery.routingKey)
        headers[CallContext.timeoutHeader] = timeLeft.map { .int64(max($0, .zero).wholeMilliseconds) }
    }

    /// What is known of the message when it is given up for `reason` after `attempts` attempts.
    func deadLetter(_ reason: DeadLetterReason, attempts: Int, host: String) -> DeadLetter {
        DeadLetter(
            reason: reason,
            errorType: FailureText.typeName(of: self.error),
            error: self.errorText,
            attempts: attempts,
            firstFailure: self.firstFailure ?? self.time,
            lastFailure: self.time,
            callID: self.callID ?? "",
            service: self.service,
            entrypoint: self.entrypoint,
            host: host,
            queue: self.queue,
            exchange: self.delivery.exchange,
            routingKey: self.delivery.routingKey
        )
    }

    /// What the error says, without the reason that is told beside it.
    var errorText: String {
        guard let error = self.error as? UnreadableMessage else { return FailureText.text(of: self.error) }
        return Redaction.redacted(error.explanation)
    }

    /// The copy for the dead letters.
    func copy(as letter: DeadLetter) -> Message {
        self.copy { headers in
            // The caller is answered.
            headers[CallContext.timeoutHeader] = nil
            var returns = self.returns
            // The return of which it is given up counts, too.
            if let exceeded = self.error as? DeliveryLimitExceeded { returns.count = exceeded.redeliveries }
            returns.write(to: &headers)
            for header in letter.headers { headers.append(header.name, header.value) }
        }
    }

    /// The message without what belongs to one way through the broker: a foreign `user-id` or an `expiration` that is none
    /// would close the channel, `CC` and `BCC` would send it elsewhere.
    ///
    /// Nor does it carry on a header of failures as it came: it may be forged, and longer than what can be sent again. What is
    /// still true of it is read, and written anew.
    private func copy(_ change: (inout Headers) -> Void) -> Message {
        let original = self.delivery.message.properties
        var headers = FailureHeaders.carriedOn(original.headers)
        headers.removeAll(where: FailureHeaders.contains)
        change(&headers)
        headers[FailureHeaders.userID] = original.userID.map { .string($0) }
        return Message(
            body: self.delivery.message.body,
            properties: BasicProperties(
                contentType: original.contentType,
                contentEncoding: original.contentEncoding,
                headers: headers,
                deliveryMode: .persistent,
                priority: original.priority,
                correlationID: original.correlationID,
                replyTo: original.replyTo,
                messageID: self.messageID,
                timestamp: original.timestamp,
                type: original.type,
                appID: original.appID
            )
        )
    }

    private var received: Headers { self.delivery.message.properties.headers }

    private var returns: Returns { Returns(in: self.received) }

    /// When the first attempt failed, as far as the header of an earlier copy is to be believed; `nil` where none says so.
    private var firstFailure: UInt64? {
        guard case .timestamp(let first) = self.received[FailureHeaders.firstFailure] else { return nil }
        return min(first, self.time)
    }
}

extension Message {
    /// What can be sent of the message for certain, since Enoki itself has written it: the body with the headers of failures. For
    /// a message whose own headers or properties cannot be sent again; what has come in need not be what can go out.
    var withoutForeignParts: Message {
        var headers = self.properties.headers
        headers.removeAll { !FailureHeaders.contains($0) }
        return Message(
            body: self.body,
            properties: BasicProperties(headers: headers, deliveryMode: self.properties.deliveryMode)
        )
    }

    /// The message with no headers but those of failures: for one whose own cannot be sent again.
    var withoutForeignHeaders: Message {
        var message = self
        message.properties.headers = self.withoutForeignParts.properties.headers
        return message
    }
}
