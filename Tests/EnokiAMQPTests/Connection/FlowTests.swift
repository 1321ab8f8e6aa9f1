import EnokiBroker
import EnokiInProcess
import NIOCore
import NIOEmbedded
import Testing

@testable import EnokiAMQP
@testable import EnokiTestSupport

/// What waits for a client that does not read, and who is not read from.
struct FlowTests {
    private let broker = InProcessBroker()

    private func client(_ methods: EnokiTestSupport.AMQPMethod...) throws -> EmbeddedClient {
        let client = try EmbeddedClient([self.broker])
        try client.logIn()
        var session = ClientSession()
        session.add(ClientSession.channelOpen, on: 1)
        for method in methods { session.add(method, on: 1) }
        try client.send(session.pieces)
        _ = try client.takeFrames()
        return client
    }

    private func publish(_ count: Int, _ text: String = "", to queue: String, by client: EmbeddedClient) throws {
        for _ in 0..<count {
            try client.send(ClientSession.frames(.basicPublish(Message(text), to: "", key: queue), on: 1))
        }
    }

    // MARK: - Deliveries

    @Test func whatAClientDoesNotReadStaysInItsQueue() throws {
        let reader = try self.client(.queueDeclare(Queue("q")), .basicConsume("q", tag: "t", noAck: true))
        let publisher = try self.client()
        reader.setReads(false)
        try self.publish(1000, to: "q", by: publisher)
        #expect(try reader.takeFrames().isEmpty)
        #expect(self.broker.snapshot()[queue: "q"]?.ready.count == 800)
        // That it does not read what others have sent is no reason not to hear it.
        #expect(reader.isReadFrom)
        reader.setReads(true)
        #expect(try reader.takeMethods().count { $0 == "60.60" } == 1000)
        #expect(self.broker.snapshot()[queue: "q"]?.ready.isEmpty == true)
    }

    @Test func directRepliesDoNotLoosenThePace() throws {
        let reader = try self.client(
            .queueDeclare(Queue("q")),
            .basicConsume("q", tag: "t", noAck: true),
            .basicConsume("amq.rabbitmq.reply-to", noAck: true)
        )
        let server = try self.client(.queueDeclare(Queue("requests")))
        let request = Message("", properties: BasicProperties(replyTo: "amq.rabbitmq.reply-to"))
        try reader.send(ClientSession.frames(.basicPublish(request, to: "", key: "requests"), on: 1))
        let address = try #require(self.broker.snapshot()[queue: "requests"]?.ready.first?.properties.replyTo)
        try self.publish(1000, to: address, by: server)
        #expect(try reader.takeMethods().count { $0 == "60.60" } == 1000)
        reader.setReads(false)
        try self.publish(1000, to: "q", by: server)
        #expect(self.broker.snapshot()[queue: "q"]?.ready.count == 800)
    }

    /// As a wire that is slow says it, however much its socket would take.
    @Test func aWireThatIsFullIsNotWrittenTo() throws {
        let reader = try self.client(.queueDeclare(Queue("q")), .basicConsume("q", tag: "t", noAck: true))
        let publisher = try self.client()
        reader.channel.pipeline.fireUserInboundEventTriggered(WireBacklog(isFull: true))
        try self.publish(1000, to: "q", by: publisher)
        #expect(try reader.takeFrames().isEmpty)
        #expect(self.broker.snapshot()[queue: "q"]?.ready.count == 800)
        reader.channel.pipeline.fireUserInboundEventTriggered(WireBacklog(isFull: false))
        reader.channel.embeddedEventLoop.run()
        #expect(try reader.takeMethods().count { $0 == "60.60" } == 1000)
    }

    // MARK: - The end

    @Test func whoDoesNotReadIsToldTheEndAllTheSame() throws {
        let client = try self.client()
        client.setReads(false)
        client.channel.pipeline.fireUserInboundEventTriggered(PortClosing())
        client.channel.embeddedEventLoop.run()
        #expect(try client.takeMethods() == ["10.50"])
        #expect(!client.isConnected)
    }

    // MARK: - Answers

    @Test func whoNeverReadsAnswersIsNotReadFromAnyMore() throws {
        let client = try self.client(.queueDeclare(Queue("q")))
        client.setReads(false)
        let request = ClientSession.frames(.queueDeclare(Queue("q"), passive: true), on: 1).flatMap(\.self)
        var count = 0
        while client.isReadFrom, count < 100_000 {
            try client.send(request)
            count += 1
        }
        #expect(count < 100_000)
        client.setReads(true)
        #expect(try client.takeMethods().count == count)
        #expect(client.isReadFrom)
    }

    /// Those that the broker does not hear of.
    @Test func thatGoesForAnswersOfTheConnectionToo() throws {
        let client = try self.client()
        client.setReads(false)
        var request = ClientSession()
        for _ in 0..<1000 { request.add([0, 10, 0, 70, 0, 0, 0, 0, 0], on: 0) }
        var count = 0
        while client.isReadFrom, count < 1000 {
            try client.send(request.bytes)
            count += 1
        }
        #expect(count < 1000)
        client.setReads(true)
        #expect(try client.takeMethods().count == 1000 * count)
        #expect(client.isReadFrom)
    }

    @Test func returnsCountByTheirSize() throws {
        let client = try self.client()
        client.setReads(false)
        let message = Message(String(repeating: "x", count: 100_000))
        var count = 0
        while client.isReadFrom, count < 1000 {
            try client.send(ClientSession.frames(.basicPublish(message, to: "", key: "no", mandatory: true), on: 1))
            count += 1
        }
        #expect(count < 100)
        client.setReads(true)
        #expect(try client.takeMethods() == Array(repeating: "60.50", count: count))
        #expect(client.isReadFrom)
    }

    @Test func whoIsOverIsNotSentToWithoutEndEither() throws {
        let client = try self.client()
        client.setReads(false)
        var close = ClientSession()
        for _ in 0..<1000 { close.add([0, 10, 0, 50, 0, 200, 0, 0, 0, 0, 0], on: 0) }
        var count = 0
        while client.isReadFrom, count < 1000 {
            try client.send(close.bytes)
            count += 1
        }
        #expect(count < 1000)
        client.wait(.seconds(31))
        #expect(!client.isConnected)
    }

    // MARK: - Confirms

    @Test func confirmsInARunAreToldAtOnce() throws {
        let client = try self.client(.queueDeclare(Queue("q")), .confirmSelect)
        let publish = ClientSession.frames(.basicPublish(Message("1"), to: "", key: "q"), on: 1)
        try client.send(publish)
        #expect(try client.takeFrames().map(\.confirm) == [Confirm(tag: 1, isMultiple: false)])
        try client.send(publish + publish + publish)
        #expect(try client.takeFrames().map(\.confirm) == [Confirm(tag: 4, isMultiple: true)])
    }

    @Test func aRunEndsBeforeAnAnswer() throws {
        let client = try self.client(.queueDeclare(Queue("q")), .confirmSelect)
        let publish = ClientSession.frames(.basicPublish(Message("1"), to: "", key: "q"), on: 1)
        try client.send(publish + publish + ClientSession.frames(.basicGet("q"), on: 1) + publish)
        #expect(try client.takeMethods() == ["60.80", "60.71", "60.80"])
    }

    // MARK: - Blocking

    @Test func onlyWhoPublishesIsBlocked() throws {
        let publisher = try self.client(.queueDeclare(Queue("q")), .confirmSelect)
        let other = try self.client()
        self.broker.block(because: "low on memory")
        try publisher.send(ClientSession.frames(.basicPublish(Message("1"), to: "", key: "q"), on: 1))
        try publisher.send(ClientSession.frames(.queueDeclare(Queue("q"), passive: true), on: 1))
        #expect(try publisher.takeMethods() == ["10.60"])
        #expect(!publisher.isReadFrom)
        #expect(self.broker.snapshot()[queue: "q"]?.ready.isEmpty == true)
        try other.send(ClientSession.frames(.queueDeclare(Queue("q"), passive: true), on: 1))
        #expect(try other.takeMethods() == ["50.11"])
        #expect(other.isReadFrom)
        self.broker.unblock()
        #expect(try publisher.takeMethods() == ["10.61", "60.80", "50.11"])
        #expect(publisher.isReadFrom)
    }

    @Test func aBlockedClientIsNotTakenForDead() throws {
        let client = try EmbeddedClient([self.broker])
        try client.logIn(.login(heartbeat: 2))
        var session = ClientSession()
        session.add(ClientSession.channelOpen, on: 1)
        session.add(.basicPublish(Message("1"), to: "", key: "q"), on: 1)
        self.broker.block(because: "low on memory")
        try client.send(session.pieces)
        client.wait(.hours(1))
        #expect(client.isConnected)
        self.broker.unblock()
        client.wait(.seconds(6))
        #expect(!client.isConnected)
    }
}

private struct Confirm: Equatable {
    let tag: UInt64
    let isMultiple: Bool
}

extension Frame {
    /// The tag of a `basic.ack`.
    fileprivate var confirm: Confirm? {
        var payload = self.payload
        guard payload.readInteger(as: UInt32.self) == 0x003C_0050, let tag = payload.readInteger(as: UInt64.self),
            let bits = payload.readInteger(as: UInt8.self)
        else { return nil }
        return Confirm(tag: tag, isMultiple: bits == 1)
    }
}
