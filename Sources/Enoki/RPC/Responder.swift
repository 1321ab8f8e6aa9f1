import Logging

/// Answers requests. A reply is published before its request is settled, and no worker waits for that.
final class Responder: Sendable {
    /// A reply on its way.
    private struct Reply: Sendable {
        let request: Incoming
        var message: Message
        /// Whether it says that the reply cannot be sent.
        var isSubstitute = false
        let address: String
        /// How often it could not be published.
        var failures = 0
        /// Settles the request.
        let settle: @Sendable () -> Void
    }

    private let container: ServiceContainer

    init(_ container: ServiceContainer) { self.container = container }

    private var process: ProcessResources { self.container.process }

    /// Answers a request. It is done when its reply is confirmed, an error is an answer too, or when the broker refuses the
    /// reply: then `settle` is called.
    ///
    /// While the broker takes no messages the reply waits, since nobody but this process knows it: the request is not delivered
    /// again, which would run its method again. It ends when its caller waits no longer.
    func answer(
        _ request: Incoming,
        _ outcome: Outcome,
        settle: @escaping @Sendable () -> Void
    ) {
        guard let address = (try? ReplyAddress(of: request.message))?.routingKey else {
            self.container.logger.debug("a request without an address for its reply was not answered")
            return settle()
        }
        let message = self.message(outcome, to: request.message)
        self.container.unanswered.begin()
        self.publish(Reply(request: request, message: message, address: address, settle: settle))
    }

    // MARK: - Publishing

    private func publish(_ reply: Reply) {
        self.send(reply.message, reply) { result in
            switch result {
            case .success: self.end(reply)
            case .failure(let error) where error.code == .invalidArgument && !reply.isSubstitute:
                // Too large, or a correlation id that cannot be sent: the caller can still be told so.
                var reply = reply
                let failure = UnserializableValue("the reply cannot be sent: \(error.message)")
                reply.message = self.message(.failed(failure), to: reply.request.message)
                reply.isSubstitute = true
                self.publish(reply)
            case .failure(let error) where Self.mayHaveNobody(error, reply): self.publishLater(reply, error)
            case .failure(let error):
                self.log(error, reply)
                self.end(reply)
            }
        }
    }

    private func publishLater(_ reply: Reply, _ error: BrokerError) {
        var reply = reply
        reply.failures += 1
        // The first, and then each that doubles their number.
        if reply.failures & (reply.failures - 1) == 0 { self.log(error, reply) }
        let publishes = self.container.publishes
        guard !publishes.isStopping else { return self.giveBack(reply) }
        publishes.wait(UnsettledPublishes.pause(after: reply.failures)) { [reply] in
            if reply.request.hasExpired { return self.end(reply) }
            if publishes.isStopping { return self.giveBack(reply) }
            self.publish(reply)
        }
    }

    /// The container ends, and nobody took the reply: another process has to find it again.
    private func giveBack(_ reply: Reply) {
        self.container.settler.settle(reply.request.delivery, .requeue)
        self.container.unanswered.end()
    }

    private func end(_ reply: Reply) {
        reply.settle()
        self.container.unanswered.end()
    }

    /// Whether the reply is with nobody, and may be taken later. A broker that refuses it would refuse it again. One that may have
    /// taken it probably has, unless it went away with it: then a second reply harms nobody.
    private static func mayHaveNobody(_ error: BrokerError, _ reply: Reply) -> Bool {
        switch error.code {
        case .notSent, .connectionFailed, .connectionLost, .timedOut, .closed: true
        case .outcomeUnknown: !reply.request.delivery.token.isHeld
        default: false
        }
    }

    private func log(_ error: BrokerError, _ reply: Reply) {
        self.container.logger.error(
            "a reply was not published",
            metadata: [LoggingKeys.error: "\(error)", "failures": "\(reply.failures)"]
        )
    }

    private func send(
        _ message: Message,
        _ reply: Reply,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        self.container.publishes.publish(
            message,
            to: self.process.settings.rpcExchange,
            routingKey: reply.address,
            options: PublishOptions(),
            completion: completion
        )
    }

    // MARK: - Messages

    private func message(_ outcome: Outcome, to request: Message) -> Message {
        // The reply is in the format of the request, if that is one of ours.
        let codec = (try? self.process.codecs.codec(for: request.properties)) ?? self.process.codecs.preferred
        do {
            switch outcome {
            case .succeeded(let result):
                guard let result = result as? any Encodable else {
                    throw UnserializableValue("Unserializable value: `\(type(of: result))`")
                }
                return try Self.reply(SuccessEnvelope(result: result), to: request, codec)
            case .failed, .timedOut, .cancelled:
                let error = outcome.error ?? CancellationError()
                return try Self.reply(FailureEnvelope(error: RemoteErrorBody(error)), to: request, codec)
            }
        } catch {
            let failure = UnserializableValue("Unserializable value: \(error)")
            self.container.logger.error(
                "a reply could not be encoded; its caller gets an UnserializableValueError",
                metadata: [LoggingKeys.error: "\(FailureText.text(of: error))"]
            )
            // Only strings are left to encode. Should even that fail, the caller gets an empty body instead of silence.
            return (try? Self.reply(FailureEnvelope(error: RemoteErrorBody(failure)), to: request, codec))
                ?? Message(body: [], properties: BasicProperties(correlationID: request.properties.correlationID))
        }
    }

    private static func reply(_ envelope: some Encodable, to request: Message, _ codec: any Codec) throws -> Message {
        try codec.message(envelope, headers: [:], correlationID: request.properties.correlationID)
    }
}
