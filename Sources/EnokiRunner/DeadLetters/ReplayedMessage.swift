import Enoki
import EnokiBroker

/// What is published when a dead letter is tried again, and where.
struct ReplayedMessage: Sendable, Hashable {
    /// The message as at its first time: without what its failures have written into it.
    let message: Message
    /// The queue that it is published to, through the default exchange.
    let queue: String

    /// The message of a dead letter.
    ///
    /// The headers that say how it was published at first stay: a handler sees that exchange and that routing key, an RPC
    /// queue finds its method by it, and a guard knows the message by its user. The number of attempts goes, so that all of them
    /// are made again.
    ///
    /// - Parameters:
    ///   - original: The message as it lies among the dead letters.
    ///   - letter: What is known of it.
    ///   - deadLetters: The queue in which it lies.
    ///   - destination: Where it goes; by default where it came from.
    ///   - body: What takes the place of its body.
    ///   - contentType: What its body is, in place of what its publisher said of it; its content encoding goes then, too.
    /// - Throws: ``DeadLetterError`` where nobody knows where it came from, where the destination is for dead letters, and for a body that
    ///   is not of the type that is said for it.
    init(
        _ original: Message,
        _ letter: ListedLetter,
        in deadLetters: DeadLetterQueueName,
        to destination: String? = nil,
        body: [UInt8]? = nil,
        contentType: String? = nil
    ) throws(DeadLetterError) {
        if let refusal = destination.flatMap(deadLetters.refusal) { throw DeadLetterError(refusal) }
        guard let queue = destination ?? Self.origin(of: letter, in: deadLetters) else {
            throw DeadLetterError(
                "number \(letter.number), \(letter.id), does not say which queue it came from: name one with --to"
            )
        }
        var headers = FailureHeaders.carriedOn(original.properties.headers)
        for name in Self.ofFailures { headers[name] = nil }
        // Else the calls that waited for it the first time would count again.
        if letter.letter?.reason == .loop { for name in CallContext.chainHeaders { headers[name] = nil } }
        if letter.letter == nil, deadLetters.original != nil {
            // No Enoki has written them: the handler would take the message for one that it is not.
            for name in Self.ofFirstTime { headers[name] = nil }
        }
        var properties = original.properties
        properties.headers = headers
        properties.deliveryMode = .persistent
        properties.expirationText = nil
        // RabbitMQ closes the channel for another user's name.
        properties.userID = nil
        properties.clusterID = nil
        if let contentType {
            (properties.contentType, properties.contentEncoding) = (contentType, nil)
            guard Self.isReadable(body ?? original.body, as: properties) else {
                throw DeadLetterError(
                    "the body of number \(letter.number), \(letter.id), is no JSON: --content-type is for those whose body is what it says"
                )
            }
        }
        self.message = Message(body: body ?? original.body, properties: properties)
        self.queue = queue
    }

    /// Whether a body is of the type that is said of it, as far as that is one of Enoki's: otherwise it would only come back.
    static func isReadable(_ body: [UInt8], as properties: BasicProperties) -> Bool {
        guard (try? Codecs.json.codec(for: properties)) != nil else { return true }
        return (try? JSONCodec().decode(JSONValue.self, from: body)) != nil
    }

    /// The queue that a letter came from. A stranger's message may say anything, so that only a queue of lost messages, whose
    /// name says nothing, is asked what stands in the header.
    private static func origin(of letter: ListedLetter, in deadLetters: DeadLetterQueueName) -> String? {
        if let original = deadLetters.original { return letter.letter == nil ? nil : original }
        return letter.originalQueue.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static let ofFirstTime = [FailureHeaders.exchange, FailureHeaders.routingKey, FailureHeaders.userID]

    private static let ofFailures =
        FailureHeaders.names.filter { !Self.ofFirstTime.contains($0) } + [
            // Of a caller who has long been answered.
            CallContext.timeoutHeader,
            // Of a quorum queue, which counts anew.
            "x-delivery-count",
        ]
}
