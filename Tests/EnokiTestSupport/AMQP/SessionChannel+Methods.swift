public import EnokiBroker

// The methods of AMQP as functions, with what a test nearly always wants.
extension SessionChannel {
    /// `queue.declare`.
    @discardableResult
    public func declare(_ queue: Queue, passive: Bool = false) async throws -> QueueStatus {
        let reply = try await self.call(.queueDeclare(queue, passive: passive))
        guard case .queue(let status) = reply else { throw Unexpected(reply: reply) }
        return status
    }

    /// `exchange.declare`.
    public func declare(_ exchange: Exchange, passive: Bool = false) async throws {
        try await self.call(.exchangeDeclare(exchange, passive: passive))
    }

    /// `queue.bind`.
    public func bind(_ queue: String, to exchange: String, key: String = "", arguments: Headers = [:]) async throws {
        try await self.call(.queueBind(queue, to: exchange, key: key, arguments: arguments))
    }

    /// `queue.delete`: how many messages went with it.
    @discardableResult
    public func delete(queue: String, ifUnused: Bool = false, ifEmpty: Bool = false) async throws -> Int {
        let reply = try await self.call(.queueDelete(queue, ifUnused: ifUnused, ifEmpty: ifEmpty))
        guard case .count(let count) = reply else { throw Unexpected(reply: reply) }
        return count
    }

    /// `queue.purge`: how many messages went.
    @discardableResult
    public func purge(_ queue: String) async throws -> Int {
        let reply = try await self.call(.queuePurge(queue))
        guard case .count(let count) = reply else { throw Unexpected(reply: reply) }
        return count
    }

    /// `exchange.delete`.
    public func delete(exchange: String, ifUnused: Bool = false) async throws {
        try await self.call(.exchangeDelete(exchange, ifUnused: ifUnused))
    }

    /// `basic.qos`.
    public func qos(_ count: UInt16, global: Bool = false) async throws {
        try await self.call(.basicQos(count: count, global: global))
    }

    /// `basic.consume`: the consumer's tag.
    @discardableResult
    public func consume(
        _ queue: String,
        tag: String = "",
        noAck: Bool = false,
        exclusive: Bool = false,
        arguments: Headers = [:]
    ) async throws -> String {
        let reply = try await self.call(
            .basicConsume(queue, tag: tag, noAck: noAck, exclusive: exclusive, arguments: arguments)
        )
        guard case .consumer(let tag) = reply else { throw Unexpected(reply: reply) }
        return tag
    }

    /// `basic.cancel`.
    public func cancel(_ tag: String) async throws { try await self.call(.basicCancel(tag)) }

    /// `basic.publish` of texts, by default to a queue of the name `key`.
    public func publish(_ texts: String..., to exchange: String = "", key: String, mandatory: Bool = false) async throws
    {
        for text in texts {
            try await self.call(.basicPublish(Message(text), to: exchange, key: key, mandatory: mandatory))
        }
    }

    /// `basic.publish` of a message with its properties.
    public func publish(
        _ message: Message,
        to exchange: String = "",
        key: String,
        mandatory: Bool = false
    ) async throws {
        try await self.call(.basicPublish(message, to: exchange, key: key, mandatory: mandatory))
    }

    /// `basic.get`: the message and how many are left, or `nil` where the queue is empty.
    @discardableResult
    public func get(_ queue: String, noAck: Bool = false) async throws -> (delivery: AMQPDelivery, remaining: Int)? {
        switch try await self.call(.basicGet(queue, noAck: noAck)) {
        case .message(let delivery, let remaining): return (delivery, remaining)
        case .empty: return nil
        case let reply: throw Unexpected(reply: reply)
        }
    }

    /// `basic.ack`.
    public func ack(_ tag: UInt64, multiple: Bool = false) async throws {
        try await self.call(.basicAck(tag, multiple: multiple))
    }

    /// `basic.nack`.
    public func nack(_ tag: UInt64, multiple: Bool = false, requeue: Bool = true) async throws {
        try await self.call(.basicNack(tag, multiple: multiple, requeue: requeue))
    }

    /// `basic.reject`.
    public func reject(_ tag: UInt64, requeue: Bool = true) async throws {
        try await self.call(.basicReject(tag, requeue: requeue))
    }

    /// `channel.close`.
    public func close() async throws { try await self.call(.channelClose) }

    /// Declares a queue and puts texts into it; returns when they are there.
    ///
    /// The messages are published on the channel, so do it before confirms or transactions are selected.
    public func queue(_ queue: Queue, holding texts: String...) async throws {
        try await self.declare(queue)
        for text in texts { try await self.publish(text, key: queue.name) }
        try await self.expectReady(texts.count, in: queue.name)
    }

    /// The broker answered with what does not belong to the method.
    struct Unexpected: Error { let reply: AMQPReply }
}
