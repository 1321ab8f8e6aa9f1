import EnokiBroker
import EnokiInProcess
import NIOCore
import NIOEmbedded
import Testing

@testable import EnokiAMQP

/// How long a connection lasts that says nothing, or is over. The time is the test's.
struct ConnectionTimeTests {
    private let broker = InProcessBroker()
    private let empty = InProcessBroker().holdings

    // MARK: - Login

    @Test(arguments: 0...3)
    func whoDoesNotLogInIsClosedAfterTenSeconds(pieces: Int) throws {
        let client = try EmbeddedClient([self.broker])
        try client.send(Array(ClientSession.login().pieces.prefix(pieces)))
        client.wait(.milliseconds(9999))
        #expect(client.isConnected)
        client.wait(.milliseconds(1))
        #expect(!client.isConnected)
    }

    @Test func bytesThatTrickleInDoNotMakeTheTimeLonger() throws {
        let client = try EmbeddedClient([self.broker])
        let bytes = ClientSession.login().bytes
        for byte in bytes.prefix(99) {
            try client.send([byte])
            client.wait(.milliseconds(100))
            #expect(client.isConnected)
        }
        client.wait(.milliseconds(100))
        #expect(!client.isConnected)
    }

    @Test func theTimeoutIsConfigured() throws {
        var configuration = AMQPConfiguration()
        configuration.loginTimeout = .milliseconds(50)
        let client = try EmbeddedClient([self.broker], configuration: configuration)
        client.wait(.milliseconds(49))
        #expect(client.isConnected)
        client.wait(.milliseconds(1))
        #expect(!client.isConnected)
    }

    @Test func whoHasLoggedInMayStaySilentForEver() throws {
        let client = try EmbeddedClient([self.broker])
        try client.logIn()
        client.wait(.hours(24))
        #expect(client.isConnected)
        #expect(try client.takeFrames().isEmpty)
        client.disconnect()
    }

    @Test func whoGuessesPasswordsIsKeptWaiting() throws {
        for capabilities in [["authentication_failure_close"], []] {
            let client = try EmbeddedClient([self.broker])
            var session = ClientSession(pieces: [ClientSession.protocolHeader])
            let response = Array("\0guest\0wrong".utf8)
            let startOk = ClientSession.startOk(mechanism: "PLAIN", response: response, capabilities: capabilities)
            session.add(startOk, on: 0)
            try client.send(session.pieces)
            #expect(try client.takeMethods() == (capabilities.isEmpty ? ["10.10"] : ["10.10", "10.50"]))
            // What comes meanwhile is neither heard nor kept.
            for _ in 0..<100 { try client.send([UInt8](repeating: 1, count: 65_536)) }
            client.wait(.seconds(2))
            #expect(client.isConnected)
            client.wait(.seconds(29))
            #expect(!client.isConnected)
            #expect(client.handler == nil)
        }
    }

    @Test func whoSpeaksAnotherProtocolIsToldWhichAndClosed() throws {
        for header in ["AMQP\0\0\u{9}\0", "GET / HT", "AMQP\u{3}\u{1}\0\0"] {
            let client = try EmbeddedClient([self.broker])
            try client.send(Array(header.utf8))
            #expect(Array(try client.takeBytes().readableBytesView) == ClientSession.protocolHeader)
            #expect(!client.isConnected)
        }
    }

    // MARK: - Closing

    @Test(arguments: [(0, 30), (2, 2), (600, 30)] as [(UInt16, Int64)])
    func whoHasSaidFarewellAndStaysIsClosed(heartbeat: UInt16, seconds: Int64) throws {
        let client = try EmbeddedClient([self.broker])
        try client.logIn(.login(heartbeat: heartbeat))
        try client.send(Self.close)
        #expect(try client.takeMethods() == ["10.51"])
        #expect(self.broker.holdings == self.empty)
        client.wait(.seconds(seconds) - .milliseconds(1))
        #expect(client.isConnected)
        client.wait(.milliseconds(1))
        #expect(!client.isConnected)
    }

    @Test func whoWasToldFarewellAndAgreesIsClosedAtOnce() throws {
        let client = try EmbeddedClient([self.broker])
        try client.logIn()
        self.broker.dropConnections()
        #expect(try client.takeMethods() == ["10.50"])
        #expect(client.isConnected)
        var closeOk = ClientSession()
        closeOk.add([0, 10, 0, 51], on: 0)
        try client.send(closeOk.bytes)
        #expect(!client.isConnected)
    }

    @Test func bothMaySayFarewellAtOnce() throws {
        let client = try EmbeddedClient([self.broker])
        try client.logIn()
        self.broker.dropConnections()
        #expect(try client.takeMethods() == ["10.50"])
        try client.send(Self.close)
        #expect(try client.takeMethods() == ["10.51"])
        #expect(client.isConnected)
        client.wait(.seconds(31))
        #expect(!client.isConnected)
    }

    // MARK: - Heartbeats

    @Test func heartbeatsGoBothWays() throws {
        let client = try EmbeddedClient([self.broker])
        try client.logIn(.login(heartbeat: 2))
        var count = 0
        for _ in 0..<10 {
            client.wait(.seconds(2))
            count += try client.takeFrames().count { $0.kind == .heartbeat }
            try client.send([8, 0, 0, 0, 0, 0, 0, 0xCE])
        }
        #expect((18...20).contains(count))
        #expect(client.isConnected)
        client.wait(.seconds(6))
        #expect(!client.isConnected)
        #expect(self.broker.holdings == self.empty)
    }

    private static var close: [UInt8] {
        var session = ClientSession()
        session.add([0, 10, 0, 50, 0, 200, 0, 0, 0, 0, 0], on: 0)
        return session.bytes
    }
}
