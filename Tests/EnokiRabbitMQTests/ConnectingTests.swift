import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ConnectingTests {
    private func failureOfRun(
        on server: TransportServer,
        logger: LogRecorder = LogRecorder(),
        _ change: (inout RabbitMQConfiguration) -> Void
    ) async throws -> BrokerError? {
        try await server.withPort {
            var configuration = try RabbitMQConfiguration(uri: server.uri)
            configuration.failFast = true
            change(&configuration)
            let broker = RabbitMQBroker(configuration: configuration, logger: logger.logger)
            return await #expect(throws: BrokerError.self) { try await broker.run() }
        }
    }

    @Test(
        .bug(
            "https://github.com/wagslane/go-rabbitmq/issues/190",
            "go-rabbitmq: the password is in the log of a failed connection"
        ),
        arguments: TransportServer.allCases
    )
    func aRefusedLoginNamesTheUserAndNotThePassword(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        let error = try await self.failureOfRun(on: server, logger: recorder) {
            $0.user = "nobody"
            $0.password = "hunter2"
        }
        #expect(error?.code == .loginRefused)
        for part in ["nobody", "127.0.0.1:", "'/'", "ACCESS_REFUSED"] { #expect(error?.message.contains(part) == true) }
        #expect(error?.message.contains("hunter2") == false)
        #expect(!recorder.recorded.isEmpty)
        #expect(!recorder.recorded.contains { $0.contains("hunter2") })
    }

    @Test(arguments: TransportServer.allCases)
    func anAddressThatSwallowsEverythingTakesNoTimeFromTheOthers(on server: TransportServer) async throws {
        let blackhole = try BlackholePort()
        let settings: @Sendable (inout RabbitMQConfiguration) -> Void = {
            $0.endpoints.insert(.init(host: "127.0.0.1", port: blackhole.number), at: 0)
            // Whoever waited for it would be late for this test.
            $0.connectionTimeout = .seconds(600)
        }
        try await server.withTransport(settings) { broker in
            try await eventually("the other node is used") { broker.status == .connected }
            try await broker.declare(Topology(queues: [Queue(.unique("q"), exclusive: true)]))
        }
    }

    @Test func aPasswordThatIsChangedWhileItRunsIsAskedForAgain() async throws {
        try await RabbitMQVirtualHost.withFresh { host in
            try await host.withUser(password: "old") { user in
                let known = Locked("old")
                var configuration = try RabbitMQConfiguration(uri: host.uri)
                configuration.reconnect = ReconnectBackoff(initial: .milliseconds(10), maximum: .milliseconds(50))
                let broker = RabbitMQBroker(
                    configuration: configuration,
                    credentials: { Credentials(user: user.name, password: Secret(known.withLock { $0 })) },
                    logger: .silent
                )
                try await withThrowingTaskGroup { group in
                    group.addTask { try await broker.run() }
                    await broker.reaches { $0 == .connected }
                    let queue = Queue("q", durable: true)
                    try await broker.declare(Topology(queues: [queue]))
                    try await user.set(password: "new")
                    try await eventually("the management knows them") { try await host.connections().count == 2 }
                    for connection in try await host.connections() {
                        try await host.close(connection, reason: "rotation")
                    }
                    await broker.reaches {
                        if case .connecting(_, let reason?) = $0 { reason.contains("login refused") } else { false }
                    }
                    known.withLock { $0 = "new" }
                    await broker.reaches { $0 == .connected }
                    try await broker.publish(Message("x"), to: "", routingKey: queue.name)
                    group.cancelAll()
                }
            }
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aMissingVirtualHostIsNamed(on server: TransportServer) async throws {
        let error = try await self.failureOfRun(on: server) { $0.vhost = "no such" }
        #expect(error?.code == .vhostNotFound)
        for part in ["'no such'", "'guest'", "127.0.0.1:"] { #expect(error?.message.contains(part) == true) }
    }

    @Test(arguments: TransportServer.allCases)
    func aRefusedConnectionSaysWhere(on server: TransportServer) async throws {
        try await server.withProxy { proxy in
            let port = proxy.port
            let error = try await self.failureOfRun(on: server) {
                $0.endpoints = [.init(host: "127.0.0.1", port: port)]
            }
            #expect(error?.code == .connectionFailed)
            #expect(error?.message.contains("127.0.0.1:\(port)") == true)
            #expect(error?.message.contains("refused") == true, "\(error?.message ?? "")")
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aHostThatCannotBeResolvedIsNamed(on server: TransportServer) async throws {
        let error = try await self.failureOfRun(on: server) { $0.endpoints = [.init(host: "no-such-host.invalid")] }
        #expect(error?.code == .connectionFailed)
        #expect(error?.message.contains("no-such-host.invalid:5672") == true)
    }

    @Test(arguments: TransportServer.allCases)
    func aBrokerThatNeverAnswersIsGivenUp(on server: TransportServer) async throws {
        try await server.withProxy { proxy in
            try proxy.listen()
            proxy.muteBroker(true)
            let error = try await self.failureOfRun(on: server) {
                $0.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
                $0.connectionTimeout = .milliseconds(300)
            }
            #expect(error?.code == .connectionFailed)
            #expect(error?.message.contains("no answer in time") == true, "\(error?.message ?? "")")
        }
    }

    @Test(arguments: TransportServer.allCases)
    func theNextNodeOfAClusterIsTried(on server: TransportServer) async throws {
        try await server.withProxy { proxy in
            let port = proxy.port
            try await server.withTransport({
                $0.failFast = true
                $0.endpoints.insert(.init(host: "127.0.0.1", port: port), at: 0)
            }) { broker in
                try await broker.publish(Message("x"), to: "amq.direct", routingKey: "k")
            }
        }
    }

    @Test(
        .bug(
            "https://github.com/ag2ai/faststream/issues/1579",
            "FastStream: publishing hangs as long as the connection is lost"
        ),
        .bug(
            "https://github.com/mosquito/aio-pika/issues/636",
            "aio-pika: publishing hangs until there is a connection again"
        ),
        arguments: TransportServer.allCases
    )
    func aBrokerThatIsAbsentAtFirstIsWaitedFor(on server: TransportServer) async throws {
        try await server.withProxy { proxy in
            let recorder = LogRecorder()
            try await server.withTransport(
                {
                    $0.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
                    $0.reconnect.maximum = .milliseconds(300)
                },
                logger: recorder.logger
            ) { broker in
                // Calls made meanwhile wait.
                let queue = Queue(.unique("patient"), exclusive: true)
                async let declared: Void = broker.declare(Topology(queues: [queue]))
                async let published: Void = broker.publish(Message("x"), to: "amq.direct", routingKey: "k")
                let timely = PublishOptions(timeout: .milliseconds(50))
                let error = await #expect(throws: BrokerError.self) {
                    try await broker.publish(Message("x"), to: "amq.direct", routingKey: "k", options: timely)
                }
                #expect(error?.code == .notSent)
                await broker.reaches { if case .connecting(let attempt, _?) = $0 { attempt >= 2 } else { false } }
                #expect(
                    recorder.recorded.contains { $0.contains("no connection to RabbitMQ") && $0.contains("refused") }
                )
                try proxy.listen()
                try await declared
                try await published
                #expect(broker.status == .connected)
            }
        }
    }

    @Test(arguments: TransportServer.allCases)
    func callsWithoutAConnectionEndAtTheirDeadline(on server: TransportServer) async throws {
        try await server.withProxy { proxy in
            try await server.withTransport({
                $0.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
                $0.callTimeout = .milliseconds(100)
            }) { broker in
                await broker.reaches { if case .connecting(_, _?) = $0 { true } else { false } }
                for call: @Sendable () async throws -> Void in [
                    { try await broker.declare(Topology(queues: [Queue("q")])) },
                    { _ = try await broker.inspect(queue: "q") },
                    { _ = try await broker.consume("q") { _ in } },
                ] {
                    let error = await #expect(throws: BrokerError.self) { try await call() }
                    #expect(error?.code == .timedOut)
                    #expect(error?.message.contains("127.0.0.1:\(proxy.port)") == true, "\(error?.message ?? "")")
                }
            }
        }
    }

    @Test func aLoginThatIsRefusedAtFirstIsTriedAgain() async throws {
        let vhost = String.unique("later")
        let recorder = LogRecorder()
        try await TransportServer.rabbitMQ.withTransport(
            {
                $0.vhost = vhost
                $0.reconnect.maximum = .milliseconds(200)
            },
            logger: recorder.logger
        ) { broker in
            try await eventually { recorder.recorded.contains { $0.hasPrefix("error") && $0.contains(vhost) } }
            _ = try await ManagementAPI.send("PUT", ["vhosts", vhost], body: "{}")
            await broker.reaches { $0 == .connected }
            try await broker.declare(Topology(queues: [Queue("q", exclusive: true)]))
        }
        _ = try await ManagementAPI.send("DELETE", ["vhosts", vhost])
    }

    @Test func theManagementShowsTheNamesOfTheConnections() async throws {
        let name = String.unique("named")
        try await TransportServer.rabbitMQ.withTransport({ $0.connectionName = name }) { broker in
            try await broker.publish(Message("x"), to: "amq.direct", routingKey: "k")
            try await eventually {
                let connections = try await ManagementAPI.send("GET", ["connections"])
                return connections.contains("\(name) publishing") && connections.contains("\(name) consuming")
            }
        }
    }

    @Test(arguments: TransportServer.allCases)
    func whoLogsInAtAnotherMachineUnencryptedOrAsGuestIsWarnedOnce(on server: TransportServer) async throws {
        // By the first address Linux leads to this machine too.
        for (address, count) in [("0.0.0.0", 1), ("127.0.0.1", 0)] {
            let recorder = LogRecorder()
            try await server.withProxy { proxy in
                try proxy.listen()
                try await withTransportBroker(
                    to: server.uri,
                    {
                        RabbitMQConfiguration.quickly(&$0)
                        $0.endpoints = [.init(host: "broker.example", port: proxy.port)]
                    },
                    logger: recorder.logger,
                    lookUp: { _ in .success([address]) }
                ) { broker in
                    await broker.reaches { $0 == .connected }
                    proxy.cut()
                    try await eventually("connected again") { proxy.accepted >= 4 }
                    await broker.reaches { $0 == .connected }
                }
            }
            for text in ["go to another machine unencrypted", "guest with the password guest"] {
                let lines = recorder.recorded.filter { $0.hasPrefix("warning: INSECURE") && $0.contains(text) }
                #expect(lines.count == count)
                #expect(lines.allSatisfy { $0.contains("broker.example:") })
            }
        }
    }

    @Test func theAddressHasNoSecrets() throws {
        let configuration = try RabbitMQConfiguration(uri: "amqps://u:hunter2@a,b:1/v")
        let broker = RabbitMQBroker(configuration: configuration, logger: .silent)
        #expect(broker.address == "amqps://a:5671,b:1/v")
    }
}
