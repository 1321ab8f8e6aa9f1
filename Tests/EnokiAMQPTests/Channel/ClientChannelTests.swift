import EnokiBroker
import EnokiInProcess
import NIOCore
import Testing

@testable import EnokiAMQP
@testable import EnokiTestSupport

/// The life of a channel number.
struct ClientChannelTests {
    private typealias Method = EnokiTestSupport.AMQPMethod

    private let broker = InProcessBroker()

    private static var closeOk: [UInt8] {
        var session = ClientSession()
        session.add([0, 20, 0, 41], on: 1)
        return session.bytes
    }

    private func client() throws -> EmbeddedClient {
        let client = try EmbeddedClient([self.broker])
        try client.logIn()
        try self.open(client)
        return client
    }

    private func open(_ client: EmbeddedClient) throws {
        var session = ClientSession()
        session.add(ClientSession.channelOpen, on: 1)
        try client.send(session.pieces)
        #expect(try client.takeMethods() == ["20.11"])
    }

    private func send(_ methods: Method..., by client: EmbeddedClient) throws {
        for method in methods { try client.send(ClientSession.frames(method, on: 1)) }
    }

    @Test func aNumberIsFreeWhenItsChannelIsClosed() throws {
        let client = try self.client()
        let before = self.broker.holdings
        for _ in 0..<1000 {
            try self.send(.channelClose, by: client)
            #expect(try client.takeMethods() == ["20.41"])
            try self.open(client)
        }
        #expect(self.broker.holdings == before)
    }

    @Test func aFailedChannelHearsNothingUntilTheClientAgrees() throws {
        let client = try self.client()
        try self.send(.queueDeclare(Queue("none"), passive: true), .queueDeclare(Queue("q")), by: client)
        try self.send(.basicPublish(Message("1"), to: "nowhere", key: "q"), .basicGet("q"), by: client)
        #expect(try client.takeMethods() == ["20.40"])
        #expect(self.broker.snapshot().queues.isEmpty)
        try client.send(Self.closeOk)
        try self.open(client)
        try self.send(.queueDeclare(Queue("q")), by: client)
        #expect(try client.takeMethods() == ["50.11"])
    }

    @Test func bothSidesMayCloseItAtOnce() throws {
        let client = try self.client()
        let before = self.broker.holdings
        client.setReads(false)
        try self.send(.queueDeclare(Queue("none"), passive: true), .channelClose, by: client)
        client.setReads(true)
        #expect(try client.takeMethods().sorted() == ["20.40", "20.41"])
        // It has not agreed to the broker's yet.
        try client.send(Self.closeOk)
        try self.open(client)
        #expect(self.broker.holdings == before)
    }

    @Test func whatWasMeantForAChannelDoesNotReachTheNextOneOfItsNumber() throws {
        let (client, other) = (try self.client(), try self.client())
        for isFailed in [false, true] {
            try self.send(.queueDeclare(Queue("q")), .basicConsume("q", tag: "t"), by: client)
            client.setReads(false)
            for _ in 0..<10 { try self.send(.basicPublish(Message("1"), to: "", key: "q"), by: other) }
            try self.send(isFailed ? .queueDeclare(Queue("none"), passive: true) : .channelClose, by: client)
            client.setReads(true)
            // What was on its way before comes before.
            let methods = try client.takeMethods()
            #expect(methods.suffix(11) == Array(repeating: "60.60", count: 10) + [isFailed ? "20.40" : "20.41"])
            if isFailed { try client.send(Self.closeOk) }
            try self.open(client)
            for _ in 0..<10 { try self.send(.basicPublish(Message("2"), to: "", key: "q"), by: other) }
            #expect(try client.takeMethods().isEmpty)
            #expect(self.broker.snapshot()[queue: "q"]?.ready.count == 20)
            try self.send(.queueDelete("q"), by: client)
            #expect(try client.takeMethods() == ["50.41"])
        }
    }

    @Test func anUnfinishedPublishGoesWithItsChannel() throws {
        let client = try self.client()
        let before = self.broker.holdings
        let publish = ClientSession.frames(.basicPublish(Message("1234"), to: "", key: "q"), on: 1)
        try client.send(Array(publish.dropLast()))
        client.disconnect()
        #expect(self.broker.holdings.channels == before.channels - 1)
        #expect(client.handler == nil)
    }

    @Test func asManyChannelsAsWereAgreedOnCanBeOpen() throws {
        let empty = self.broker.holdings
        let client = try EmbeddedClient([self.broker])
        try client.logIn(.login(channelMax: 3))
        var session = ClientSession()
        for number in [1, 65_535, 7, 8] as [UInt16] { session.add(ClientSession.channelOpen, on: number) }
        try client.send(session.pieces)
        #expect(try client.takeMethods().sorted() == ["10.50", "20.11", "20.11", "20.11"])
        #expect(self.broker.holdings == empty)
    }
}
