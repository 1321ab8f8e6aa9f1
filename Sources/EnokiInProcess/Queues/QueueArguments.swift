import EnokiBroker

/// What the arguments of a queue ask for.
struct QueueArguments: Sendable {
    /// What happens to a message for a queue that is full.
    enum Overflow: String, Sendable {
        case dropHead = "drop-head"
        case rejectPublish = "reject-publish"
        case rejectPublishAndDeadLetter = "reject-publish-dlx"
    }

    /// `x-expires`: how long the queue stays while nobody uses it.
    private(set) var expires: Duration?
    /// `x-message-ttl`: how long a message may wait in it.
    private(set) var messageTTL: Duration?
    /// `x-dead-letter-exchange`: where go what expires, what is rejected and what does not fit.
    private(set) var deadLetterExchange: String?
    /// `x-dead-letter-routing-key`: the routing key of dead letters; their own where there is none.
    private(set) var deadLetterRoutingKey: String?
    /// `x-max-length`: how many messages may be ready.
    private(set) var maxLength: Int?
    /// `x-max-length-bytes`: how large the bodies of the ready messages may be together.
    private(set) var maxLengthBytes: Int?
    /// `x-max-priority`: the highest priority; messages above it are treated as having it.
    private(set) var maxPriority: UInt8?
    /// `x-overflow`.
    private(set) var overflow = Overflow.dropHead
    /// `x-single-active-consumer`: one consumer is served, the others take over when it goes.
    private(set) var singleActiveConsumer = false

    /// Those that a classic queue of RabbitMQ compares on redeclaration, in its order.
    static let compared = [
        "x-expires", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-max-length",
        "x-max-length-bytes", "x-max-priority", "x-overflow", "x-queue-mode", "x-queue-version",
        "x-single-active-consumer", "x-queue-type", "x-queue-master-locator",
    ]

    /// Those that RabbitMQ knows for its other types of queues only.
    private static let ofOtherTypes = [
        "x-delivery-limit", "x-dead-letter-strategy", "x-max-in-memory-length", "x-max-in-memory-bytes",
        "x-quorum-initial-group-size", "x-initial-cluster-size", "x-queue-leader-locator", "x-max-age",
        "x-stream-max-segment-size-bytes",
    ]

    /// Those of a queue without arguments.
    init() {}

    /// - Parameter text: The queue in RabbitMQ's words.
    init(_ arguments: Headers, of text: String) throws(AMQPException) {
        let reader = Reader(arguments: arguments, queue: text)
        try reader.check("x-queue-type") { value throws(AMQPException) in
            guard let type = value.stringValue else { throw reader.unacceptableType("x-queue-type", value) }
            guard ["classic", "quorum", "stream"].contains(type) else {
                throw reader.invalid("x-queue-type", "\"unsupported queue type '\(type)'\"")
            }
            guard type == "classic" else {
                throw AMQPException(
                    .preconditionFailed,
                    "the in-process broker has classic queues only; \(text) asks for x-queue-type '\(type)'"
                )
            }
        }
        self.expires = try reader.milliseconds("x-expires", allowsZero: false)
        self.messageTTL = try reader.milliseconds("x-message-ttl", allowsZero: true)
        self.deadLetterExchange = try reader.string("x-dead-letter-exchange")
        self.deadLetterRoutingKey = try reader.string("x-dead-letter-routing-key")
        if self.deadLetterRoutingKey != nil, self.deadLetterExchange == nil {
            throw reader.invalid("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined")
        }
        self.maxLength = try reader.count("x-max-length")
        self.maxLengthBytes = try reader.count("x-max-length-bytes")
        if let priority = try reader.count("x-max-priority") {
            guard let level = UInt8(exactly: priority) else {
                throw reader.invalid("x-max-priority", "{max_value_exceeded,\(priority)}")
            }
            self.maxPriority = level
        }
        if let name = try reader.string("x-overflow") {
            guard let overflow = Overflow(rawValue: name) else {
                throw reader.invalid("x-overflow", "invalid_overflow")
            }
            self.overflow = overflow
        }
        if let mode = try reader.string("x-queue-mode"), !["default", "lazy"].contains(mode) {
            throw reader.invalid("x-queue-mode", "\"unsupported queue mode '\(mode)'\"")
        }
        if let version = try reader.count("x-queue-version"), !(1...2).contains(version) {
            throw reader.invalid("x-queue-version", "\"unsupported queue version '\(version)'\"")
        }
        self.singleActiveConsumer = try reader.bool("x-single-active-consumer") ?? false
        for argument in arguments where Self.ofOtherTypes.contains(argument.name) {
            throw AMQPException(
                .preconditionFailed,
                "invalid arg '\(argument.name)' for \(text) of queue type rabbit_classic_queue"
            )
        }
    }

    /// Reads arguments, and complains in RabbitMQ's words, Erlang's terms in them.
    private struct Reader {
        let arguments: Headers
        let queue: String

        func invalid(_ name: String, _ reason: String) -> AMQPException {
            AMQPException(.preconditionFailed, "invalid arg '\(name)' for \(self.queue): \(reason)")
        }

        func unacceptableType(_ name: String, _ value: FieldValue) -> AMQPException {
            self.invalid(name, "{unacceptable_type,\(value.erlangType)}")
        }

        func check(_ name: String, _ body: (FieldValue) throws(AMQPException) -> Void) throws(AMQPException) {
            if let value = self.arguments[name] { try body(value) }
        }

        func string(_ name: String) throws(AMQPException) -> String? {
            guard let value = self.arguments[name] else { return nil }
            guard let string = value.stringValue else { throw self.unacceptableType(name, value) }
            return string
        }

        func bool(_ name: String) throws(AMQPException) -> Bool? {
            guard let value = self.arguments[name] else { return nil }
            guard let bool = value.boolValue else { throw self.unacceptableType(name, value) }
            return bool
        }

        func count(_ name: String) throws(AMQPException) -> Int? {
            guard let number = try self.integer(name) else { return nil }
            guard number >= 0 else { throw self.invalid(name, "{value_negative,\(number)}") }
            return Int(clamping: number)
        }

        func milliseconds(_ name: String, allowsZero: Bool) throws(AMQPException) -> Duration? {
            guard let number = try self.integer(name) else { return nil }
            if number == 0, !allowsZero { throw self.invalid(name, "{value_zero,0}") }
            guard number >= 0 else { throw self.invalid(name, "{value_negative,\(number)}") }
            guard number <= WireLimits.longestTime.wholeMilliseconds else {
                throw self.invalid(name, "{value_too_large,\(number)}")
            }
            return .milliseconds(number)
        }

        private func integer(_ name: String) throws(AMQPException) -> Int64? {
            guard let value = self.arguments[name] else { return nil }
            guard let number = value.integerValue else {
                throw self.invalid(name, "\"expected integer, got \(value.erlangType)\"")
            }
            return number
        }
    }
}
