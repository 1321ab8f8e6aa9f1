import EnokiBroker
import EnokiTestSupport
import Testing

// What cases about dead letters begin and end with.
extension SessionChannel {
    /// Declares a fanout exchange and a queue that collects all that is dead-lettered to it.
    func collectDeadLetters(of exchange: String = "dlx", in queue: String = "dead") async throws {
        try await self.declare(Exchange(exchange, .fanout))
        try await self.declare(Queue(queue))
        try await self.bind(queue, to: exchange)
    }

    /// Waits until a queue has just `ready` messages and takes the first.
    func take(from queue: String, ready: Int = 1) async throws -> AMQPDelivery {
        try await self.expectReady(ready, in: queue)
        return try #require(try await self.get(queue, noAck: true)).delivery
    }

    /// Waits until a queue has just `ready` messages and gets the first: its tag.
    @discardableResult
    func hold(from queue: String, ready: Int = 1) async throws -> UInt64 {
        try await self.expectReady(ready, in: queue)
        return try #require(try await self.get(queue)).delivery.deliveryTag
    }

    /// Waits for the one message of a queue and rejects it.
    func rejectOne(from queue: String) async throws {
        try await self.reject(try await self.hold(from: queue), requeue: false)
    }
}

extension AMQPDelivery {
    /// The entries of `x-death`, newest first.
    var deaths: [Headers] {
        (self.message.properties.headers["x-death"]?.arrayValue ?? []).compactMap(\.tableValue)
    }

    /// Queue, reason and count of each entry of `x-death`: `work rejected 2`.
    var deathSummaries: [String] {
        self.deaths.map {
            let queue = $0["queue"]?.stringValue ?? "?"
            let reason = $0["reason"]?.stringValue ?? "?"
            return "\(queue) \(reason) \($0["count"]?.integerValue ?? 0)"
        }
    }

    /// Queue, reason and exchange of the first death.
    var firstDeath: [String?] {
        ["queue", "reason", "exchange"].map { self.message.properties.headers["x-first-death-\($0)"]?.stringValue }
    }
}

extension Queue {
    /// A queue whose dead letters go to an exchange, by default `dlx`.
    init(_ name: String, deadLettersTo exchange: String, key: String? = nil, _ arguments: Headers = [:]) {
        var arguments = arguments
        arguments["x-dead-letter-exchange"] = .string(exchange)
        if let key { arguments["x-dead-letter-routing-key"] = .string(key) }
        self.init(name, arguments: arguments)
    }
}

extension Message {
    /// A message with headers.
    init(_ text: String, headers: Headers) {
        self.init(text, properties: BasicProperties(headers: headers))
    }

    /// A message that expires.
    init(_ text: String, expiringAfter expiration: Duration) {
        self.init(text, properties: BasicProperties(expiration: expiration))
    }

    /// A message with a priority.
    init(_ text: String, priority: UInt8) {
        self.init(text, properties: BasicProperties(priority: priority))
    }
}
