import EnokiAMQP
import EnokiBroker
import EnokiInProcess
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

/// What the clients of Python see at the port: the same as of RabbitMQ.
@Suite struct PythonClientTests {
    typealias Kind = TestVirtualHost.Kind

    @Test(arguments: PythonClient.allCases, Kind.allCases)
    func aSwiftServerAnswersItsCalls(_ client: PythonClient, _ kind: Kind) async throws {
        try await withBroker(of: kind) { host, broker in
            try await broker.declare(Topology(queues: [Queue("upper")]))
            let server = try await broker.consume("upper") { delivery in
                let request = delivery.message.properties
                let reply = Message(
                    delivery.text.uppercased(),
                    properties: BasicProperties(correlationID: request.correlationID)
                )
                broker.publish(reply, to: "", routingKey: request.replyTo ?? "", options: PublishOptions()) { _ in }
                delivery.token.settle(.ack)
            }
            // To a queue of the client's own, and to RabbitMQ's pseudo-queue.
            let replies = try await client.result(of: "call", "upper", "héllo", at: host.uri)
            #expect(
                replies == [#"{"correlation": "7", "reply": "HÉLLO"}"#, #"{"correlation": "8", "reply": "HÉLLO"}"#]
            )
            await server.close()
        }
    }

    @Test(arguments: PythonClient.allCases, Kind.allCases)
    func itAnswersSwiftCalls(_ client: PythonClient, _ kind: Kind) async throws {
        try await withBroker(of: kind) { host, broker in
            let replies = Collector<String>()
            try await broker.declare(Topology(queues: [Queue("upper"), Queue("replies")]))
            let consumer = try await broker.consume("replies") { delivery in
                replies.append("\(delivery.message.properties.correlationID ?? "-") \(delivery.text)")
                delivery.token.settle(.ack)
            }
            try await client.run("serve", "upper", "2", at: host.uri) { process in
                for (id, text) in [("1", "zoë"), ("2", "")] {
                    let properties = BasicProperties(correlationID: id, replyTo: "replies")
                    try await broker.publish(Message(text, properties: properties), to: "", routingKey: "upper")
                }
                _ = try await process.result()
                let texts = try await replies.first(2)
                #expect(texts == ["1 ZOË", "2 "])
            }
            await consumer.close()
        }
    }

    @Test(arguments: PythonClient.allCases, Kind.allCases)
    func eventsGoBothWays(_ client: PythonClient, _ kind: Kind) async throws {
        try await withBroker(of: kind) { host, broker in
            let weather = Collector<Message>()
            try await broker.declare(
                Topology(
                    exchanges: [Exchange("news", .topic)],
                    queues: [Queue("weather")],
                    bindings: [Binding(from: "news", toQueue: "weather", routingKey: "weather.*")]
                )
            )
            let consumer = try await broker.consume("weather") { delivery in
                weather.append(delivery.message)
                delivery.token.settle(.ack)
            }
            try await client.run("events", at: host.uri) { process in
                let ready = try await process.reports(1)
                #expect(ready == [#"{"listens": true}"#])
                let headers: Headers = ["n": -1, "nested": ["list": [1, "é", .void, true]]]
                let published = [
                    ("sport", "⚽"), ("fire.local", "smoke"), ("fire", "nobody's"), ("sport.ball.foot", "goal"),
                ]
                for (key, text) in published {
                    let message = Message(text, properties: BasicProperties(headers: headers))
                    try await broker.publish(message, to: "news", routingKey: key)
                }
                let seen = #"{"n": -1, "nested": {"list": [1, "é", null, true]}}"#
                let received = try await process.result().dropFirst()
                #expect(
                    received == [
                        #"{"body": "⚽", "headers": \#(seen), "key": "sport"}"#,
                        #"{"body": "smoke", "headers": \#(seen), "key": "fire.local"}"#,
                        #"{"body": "goal", "headers": \#(seen), "key": "sport.ball.foot"}"#,
                    ]
                )
            }
            let message = try await weather.first()[0]
            #expect(message.body == Array("rain ☔".utf8))
            #expect(message.properties.headers["n"]?.integerValue == 1)
            let list = message.properties.headers["nested"]?.tableValue?["list"]?.arrayValue ?? []
            #expect(list.count == 4)
            #expect(list.first?.integerValue == 1)
            #expect(list.dropFirst() == ["é", .void, true])
            await consumer.close()
        }
    }

    @Test(arguments: PythonClient.allCases, Kind.allCases)
    func confirmsSayWhatTheQueueTookAndWhatItRefused(_ client: PythonClient, _ kind: Kind) async throws {
        try await TestVirtualHost.withFresh(of: kind) { host in
            let outcomes = try await client.result(of: "confirms", at: host.uri)
            #expect(outcomes == [#"{"confirmed": true}"#, #"{"confirmed": false}"#])
        }
    }

    @Test(arguments: PythonClient.allCases, Kind.allCases)
    func whatIsMandatoryAndUnroutableComesBack(_ client: PythonClient, _ kind: Kind) async throws {
        try await TestVirtualHost.withFresh(of: kind) { host in
            let returned = try await client.result(of: "returns", at: host.uri)
            #expect(
                returned == [
                    #"{"body": "lost", "code": 312, "exchange": "amq.direct", "key": "nowhere", "text": "NO_ROUTE"}"#
                ]
            )
        }
    }

    @Test(arguments: PythonClient.allCases, Kind.allCases)
    func deadLettersSayWhyTheyDied(_ client: PythonClient, _ kind: Kind) async throws {
        try await TestVirtualHost.withFresh(of: kind) { host in
            let graves = try await client.result(of: "expiry", "50", at: host.uri)
            #expect(graves == Self.graves(expiration: 50))
        }
    }

    /// An hour of the client's messages passes when the test says so.
    @Test(arguments: PythonClient.allCases)
    func itsMessagesExpireInVirtualTime(_ client: PythonClient) async throws {
        let clock = VirtualClock()
        let broker = InProcessBroker(clock: clock, logger: TestBroker.silent)
        try await broker.listen(logger: TestBroker.silent) { port in
            try await client.run("expiry", "3600000", at: port.uri()) { process in
                let expected = Self.graves(expiration: 3_600_000)
                let published = try await process.reports(1)
                #expect(published == Array(expected.prefix(1)))
                await clock.advance(by: .seconds(3600))
                let expired = try await process.reports(3)
                #expect(expired == Array(expected.prefix(3)))
                await clock.advance(by: .seconds(3600))
                let result = try await process.result()
                #expect(result == expected)
            }
        }
    }

    private static func graves(expiration: Int) -> [String] {
        [
            #"{"published": true}"#,
            #"{"body": "by queue", "deaths": [["expired", "brief", "", ["brief"], 1]], "key": "brief"}"#,
            #"{"published": true}"#,
            """
            {"body": "by message", "deaths": [["expired", "own", "", ["own"], 1, "\(expiration)"]], \
            "expiration": null, "key": "buried"}
            """,
            #"{"body": "by consumer", "deaths": [["rejected", "own", "", ["own"], 1]], "key": "buried"}"#,
        ]
    }

    @Test(arguments: PythonClient.allCases, Kind.allCases)
    func itComesBackWhenItsConnectionsAreClosed(_ client: PythonClient, _ kind: Kind) async throws {
        try await withBroker(of: kind) { host, broker in
            let results = Collector<String>()
            try await broker.declare(Topology(queues: [Queue("work"), Queue("results")]))
            let consumer = try await broker.consume("results") { delivery in
                results.append(delivery.text)
                delivery.token.settle(.ack)
            }
            try await client.run("recovery", at: host.uri) { process in
                let ready = try await process.reports(1)
                #expect(ready == [#"{"consumes": true}"#])
                try await broker.publish(Message("one"), to: "", routingKey: "work")
                // Its result, too: what our own connection has not acknowledged when it is closed would come again.
                try await eventually("the first message and its result are done") {
                    let queues = try await host.queues()
                    return results.count == 1
                        && queues.allSatisfy { $0.messagesReady == 0 && $0.messagesUnacknowledged == 0 }
                }
                try await host.dropConnections(foreignCount: 1, because: "closed by the test")
                let isTold = client == .pika
                let reports = try await process.reports(isTold ? 3 : 2)
                #expect(reports.last == #"{"consumes": true}"#)
                if isTold { #expect(reports[1] == #"{"code": 320, "text": "CONNECTION_FORCED - closed by the test"}"#) }
                for text in ["two", "stop"] { try await broker.publish(Message(text), to: "", routingKey: "work") }
                _ = try await process.result()
                let done = try await results.first(3)
                #expect(done == ["ONE", "TWO", "STOP"])
            }
            await consumer.close()
        }
    }

    /// Runs `body` with a virtual host and our own connection to it: in the process where it is the port's.
    private func withBroker(
        of kind: Kind,
        _ body: @escaping @Sendable (TestVirtualHost, any Broker) async throws -> Void
    ) async throws {
        try await TestVirtualHost.withFresh(of: kind) { host in
            switch host {
            case .amqpPort(let broker, _): try await body(host, broker)
            case .rabbitMQ(let virtualHost):
                let broker = RabbitMQBroker(
                    configuration: try RabbitMQConfiguration.patient(uri: virtualHost.uri),
                    logger: TestBroker.silent
                )
                try await withThrowingTaskGroup { group in
                    group.addTask { try await broker.run() }
                    defer { group.cancelAll() }
                    try await body(host, broker)
                }
            }
        }
    }
}
