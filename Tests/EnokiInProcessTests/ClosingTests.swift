import EnokiBroker
import Testing

@testable import EnokiInProcess

/// What ends together gets nothing of what comes back.
@Suite struct ClosingTests {
    /// How two channels that consume one queue come to their ends.
    enum End: CaseIterable {
        case theirConnection
        case theirConnections
        case theBroker
    }

    @Test(arguments: End.allCases) func whatASingleActiveConsumerNeverGotIsNotRedelivered(end: End) throws {
        let host = VirtualHost()
        let channels = try Self.channels(for: end, on: host)
        _ = try host.declare(Queue("q", arguments: ["x-single-active-consumer": true]), on: channels[0])
        host.qos(prefetch: 1, global: false, on: channels[0])
        for channel in channels { _ = try host.consume(ConsumeRequest(queue: "q", tag: "c"), on: channel) }
        for text in ["1", "2", "3"] { try host.publish(text, to: "q", on: channels[0]) }
        Self.end(end, channels, on: host)
        #expect(try host.contents(of: "q") == ["1 again", "2", "3"])
    }

    @Test(arguments: End.allCases) func whatComesBackIsNotConsumedWithoutAcknowledgement(end: End) throws {
        let host = VirtualHost()
        let channels = try Self.channels(for: end, on: host)
        _ = try host.declare(Queue("q"), on: channels[0])
        _ = try host.consume(ConsumeRequest(queue: "q", tag: "acks"), on: channels[0])
        for text in ["1", "2"] { try host.publish(text, to: "q", on: channels[0]) }
        var request = ConsumeRequest(queue: "q", tag: "never acks")
        request.noAck = true
        _ = try host.consume(request, on: channels[1])
        Self.end(end, channels, on: host)
        #expect(try host.contents(of: "q") == ["1 again", "2 again"])
    }

    @Test func whoStaysGetsWhatComesBackInOrder() throws {
        let host = VirtualHost()
        let staying = try host.makeChannel()
        let (first, second) = (try host.makeChannel(), try host.makeChannel())
        _ = try host.declare(Queue("q"), on: staying)
        for channel in [first, second] { _ = try host.consume(ConsumeRequest(queue: "q", tag: "c"), on: channel) }
        for text in ["1", "2", "3", "4"] { try host.publish(text, to: "q", on: staying) }
        _ = try host.consume(ConsumeRequest(queue: "q", tag: "c"), on: staying)
        _ = host.takeEffects()
        host.close([first.connection.id, second.connection.id], because: AMQPException(.connectionForced, "test"))
        let events = host.takeEffects().events
        let deliveries = events.compactMap { id, event -> String? in
            guard case .deliver(let delivery) = event, id == staying.id else { return nil }
            return delivery.text
        }
        #expect(deliveries == ["1", "2", "3", "4"])
        let closed = events.compactMap { id, event -> ChannelID? in if case .closed = event { id } else { nil } }
        #expect(closed == [first.id, second.id])
        #expect(host.connections.keys.sorted() == [staying.connection.id])
    }

    @Test func whatARestartBringsToTheHeadOfAQueueExpires() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        _ = try host.declare(Queue("q"), on: channel)
        let queue = try host.requireQueue("q", on: channel).id
        try host.publish(Message("transient"), to: "q", on: channel)
        let properties = BasicProperties(deliveryMode: .persistent, expiration: .seconds(5))
        try host.publish(Message("persistent", properties: properties), to: "q", on: channel)
        _ = host.takeEffects()
        host.restart()
        #expect(host.takeEffects().wakes.map(\.instant) == [.seconds(5)])
        host.advance(to: .seconds(5))
        host.wake(queue)
        #expect(host.queues[queue]?.ready.count == 0)
    }

    private static func channels(for end: End, on host: VirtualHost) throws -> [ChannelRecord] {
        let first = try host.makeChannel()
        if end != .theirConnection { return [first, try host.makeChannel()] }
        return [first, try #require(host.channels[host.openChannel(on: first.connection)])]
    }

    private static func end(_ end: End, _ channels: [ChannelRecord], on host: VirtualHost) {
        switch end {
        case .theirConnection: host.close(channels[0].connection.id)
        case .theirConnections: host.close(channels.map(\.connection.id))
        case .theBroker: host.restart()
        }
    }
}

extension VirtualHost {
    /// Publishes a persistent message to a queue.
    func publish(_ text: String, to queue: String, on channel: ChannelRecord) throws {
        try self.publish(Message(text, properties: BasicProperties(deliveryMode: .persistent)), to: queue, on: channel)
    }

    func publish(_ message: Message, to queue: String, on channel: ChannelRecord) throws {
        _ = try self.publish(message, exchange: "", routingKey: queue, mandatory: true, on: channel)
    }

    /// The texts of the messages that are ready, with a mark for those that are redelivered.
    func contents(of queue: String) throws -> [String] {
        try #require(self.queue(named: queue)).ready.all.map { message in
            let text = String(decoding: message.published.message.body, as: UTF8.self)
            return message.redelivered ? "\(text) again" : text
        }
    }
}
