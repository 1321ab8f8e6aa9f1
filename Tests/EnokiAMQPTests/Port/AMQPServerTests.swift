import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Logging
import Testing

@testable import EnokiAMQP

/// The port as a whole, over sockets.
@Suite(.timeLimit(.minutes(5))) struct AMQPServerTests {
    /// A client that has sent `session`.
    private func client(_ session: ClientSession = .login(), at port: AMQPPort) throws -> WireClient {
        let client = try WireClient(port: port.number)
        client.send(session.bytes)
        return client
    }

    private func isIn(_ client: WireClient) async throws {
        try await eventually("the client is in", equals: ["10.10", "10.30", "10.41"]) { client.methods }
    }

    // MARK: - Who gets in

    @Test func virtualHostsAreBrokersOfTheirOwnWithUsersOfTheirOwn() async throws {
        let brokers = ["shop", "test"].map { InProcessBroker(virtualHost: $0) }
        var configuration = AMQPConfiguration()
        configuration.users = [
            AMQPUser(name: "ann", password: "a", virtualHosts: ["shop"]), AMQPUser(name: "bob", password: "b"),
        ]
        try await Self.withServer(brokers, configuration) { port in
            #expect(port.virtualHosts == ["shop", "test"])
            for (user, password, host) in [("ann", "a", "shop"), ("bob", "b", "shop"), ("bob", "b", "test")] {
                let client = try self.client(.login(user: user, password: password, virtualHost: host), at: port)
                try await self.isIn(client)
            }
            for (user, password, host, code) in [
                ("ann", "a", "test", 530), ("ann", "a", "/", 530), ("ann", "b", "shop", 403),
                ("guest", "guest", "shop", 403),
            ] {
                let client = try self.client(.login(user: user, password: password, virtualHost: host), at: port)
                try await eventually("it is refused", equals: [code]) { client.closures.map(\.code) }
            }
            var session = ClientSession.login(user: "bob", password: "b", virtualHost: "test")
            session.add(ClientSession.channelOpen, on: 1)
            session.add(.queueDeclare(Queue("q")), on: 1)
            let client = try self.client(session, at: port)
            try await eventually("it has a queue", { client.methods.last == "50.11" })
            #expect(brokers.map { $0.snapshot().queues.count } == [0, 1])
        }
    }

    @Test func noMoreThanTheMostConnectionsAreTaken() async throws {
        var configuration = AMQPConfiguration()
        configuration.connectionMax = 2
        try await Self.withServer([InProcessBroker()], configuration) { port in
            let clients = [try self.client(at: port), try self.client(at: port)]
            for client in clients { try await self.isIn(client) }
            let third = try self.client(at: port)
            try await eventually("the third is turned away", { third.isOver })
            #expect(third.bytes.isEmpty)
            clients[0].disconnect()
            try await eventually("there is room again") {
                let client = try self.client(at: port)
                try await eventually("it is in or out") { client.methods.count == 3 || client.isOver }
                return !client.isOver
            }
        }
    }

    // MARK: - Beginning and end

    @Test func aPortThatIsInUseIsAnError() async throws {
        try await InProcessBroker().listen { port in
            let error = await #expect(throws: AMQPServerError.self) {
                try await InProcessBroker().listen(on: .loopback(port: port.number)) { _ in }
            }
            #expect(error?.description.contains("127.0.0.1:\(port.number)") == true)
            #expect(error?.description.contains("in use") == true)
        }
    }

    @Test func whatTheBodyThrowsIsThrown() async throws {
        struct Mine: Error {}
        await #expect(throws: Mine.self) { try await InProcessBroker().listen { _ in throw Mine() } }
    }

    @Test func atTheEndClientsAreToldAndNothingIsLeft() async throws {
        let broker = InProcessBroker()
        let empty = broker.holdings
        let (port, clients) = try await Self.withServer([broker]) { port in
            let clients = [try self.client(at: port), try self.client(at: port)]
            for client in clients { try await self.isIn(client) }
            // These are on their way in.
            _ = try self.client(ClientSession(), at: port)
            return (port, clients + [try self.client(ClientSession(pieces: [ClientSession.protocolHeader]), at: port)])
        }
        for client in clients { try await eventually("it is closed", { client.isOver }) }
        for client in clients.prefix(2) {
            let text = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
            #expect(client.closures.map(\.code) == [320])
            #expect(client.closures.map(\.text) == [text])
        }
        #expect(clients[2].closures.isEmpty)
        #expect(throws: (any Error).self) { try WireClient(port: port.number) }
        #expect(broker.holdings.connections <= empty.connections)
    }

    @Test func theSamePortCanBeListenedOnAgainAtOnce() async throws {
        let number = try await InProcessBroker().listen { port in
            try await self.isIn(try self.client(at: port))
            return port.number
        }
        try await InProcessBroker().listen(on: .loopback(port: number)) { port in
            #expect(port.number == number)
            try await self.isIn(try self.client(at: port))
        }
    }

    // MARK: - What happens to the broker

    @Test func aStoppedBrokerTakesNobodyUntilItIsStarted() async throws {
        let broker = InProcessBroker()
        try await Self.withServer([broker]) { port in
            let before = try self.client(at: port)
            try await self.isIn(before)
            broker.stop()
            try await eventually("it is told", equals: [320]) { before.closures.map(\.code) }
            let meanwhile = try self.client(at: port)
            try await eventually("it is refused, \(meanwhile.methods)", equals: [320]) {
                meanwhile.closures.map(\.code)
            }
            broker.start()
            try await self.isIn(try self.client(at: port))
        }
    }

    @Test func connectionsAreDroppedByTheirNames() async throws {
        let broker = InProcessBroker()
        try await Self.withServer([broker]) { port in
            let client = try self.client(at: port)
            try await self.isIn(client)
            broker.dropConnections(named: "another")
            broker.dropConnections(because: "by the test")
            let text = "CONNECTION_FORCED - by the test"
            try await eventually("it is told", equals: [text]) { client.closures.map(\.text) }
        }
    }

    @Test func theEndOfTheBrokerIsTheEndOfItsConnections() async throws {
        let broker = InProcessBroker()
        try await withThrowingTaskGroup { group in
            group.addTask { try await broker.run() }
            try await AMQPServer(brokers: [broker]).withPort { port in
                let client = try self.client(at: port)
                try await self.isIn(client)
                group.cancelAll()
                try await eventually("it is told", equals: [320]) { client.closures.map(\.code) }
            }
        }
    }

    // MARK: - Confirms

    @Test func confirmsBehindOneThatIsLateAreToldSingly() async throws {
        let clock = VirtualClock()
        let broker = InProcessBroker(clock: clock, faults: [.delayConfirm(of: .publish(2), by: .seconds(5))])
        try await Self.withServer([broker]) { port in
            let connection = try await AMQPPortClient.connect(port)
            let channel = try await connection.openChannel()
            _ = try await channel.call(.confirmSelect)
            _ = try await channel.call(.queueDeclare(Queue("q")))
            for text in ["1", "2", "3", "4"] {
                _ = try await channel.call(.basicPublish(Message(text), to: "", key: "q"))
            }
            var confirmed: Set<UInt64> = []
            for _ in 0..<3 {
                let tag = try await channel.events.next("a single confirm") { (event) -> UInt64? in
                    if case .acked(let tag, multiple: false) = event { tag } else { nil }
                }
                confirmed.insert(tag)
            }
            #expect(confirmed == [1, 3, 4])
            await clock.advance(by: .seconds(5))
            let late = try await channel.events.next("the late confirm") { $0 }
            guard case .acked(2, multiple: false) = late else {
                Issue.record("found \(late)")
                return
            }
        }
    }

    /// Runs the brokers, and `body` with a port in front of them.
    @discardableResult
    static func withServer<Result: Sendable>(
        _ brokers: [InProcessBroker],
        _ configuration: AMQPConfiguration = AMQPConfiguration(),
        _ body: (AMQPPort) async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup { group in
            for broker in brokers { group.addTask { try await broker.run() } }
            defer { group.cancelAll() }
            return try await AMQPServer(brokers: brokers, configuration: configuration, logger: TestBroker.silent)
                .withPort(body)
        }
    }
}
