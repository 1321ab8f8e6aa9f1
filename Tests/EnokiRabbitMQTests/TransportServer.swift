import EnokiAMQP
import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Logging
import Testing

@testable import EnokiRabbitMQ

/// The brokers that the transport is tested on: `@Test(arguments: TransportServer.allCases)`.
enum TransportServer: String, CaseIterable, Sendable {
    /// The private RabbitMQ that `make test` started.
    case rabbitMQ
    /// The AMQP port of an in-process broker, which a test has for itself.
    case amqpPort

    private struct Open {
        let broker: InProcessBroker
        let port: AMQPPort
    }

    /// The port of this test, where it has one.
    @TaskLocal private static var open: Open?

    struct NotOpen: Error {}

    /// The URI: user `guest`, virtual host `/`. The port has one within ``withPort(faults:_:)``.
    var uri: String {
        get throws {
            if self == .rabbitMQ { return try TestEnvironment.amqpURI }
            guard let open = Self.open else { throw NotOpen() }
            return open.port.uri()
        }
    }

    /// Runs `body` with a server, the same for all that is within it.
    func withPort<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        guard self == .amqpPort, Self.open == nil else { return try await body() }
        let broker = InProcessBroker(logger: .silent)
        return try await broker.listen(logger: .silent) { port in
            try await Self.$open.withValue(Open(broker: broker, port: port)) { try await body() }
        }
    }

    /// Runs a transport to the server around `body`; it must end in good order afterwards.
    func withTransport<Result: Sendable>(
        _ change: @Sendable (inout RabbitMQConfiguration) throws -> Void = { _ in },
        logger: Logger = .silent,
        _ body: @Sendable (RabbitMQBroker) async throws -> Result
    ) async throws -> Result {
        try await self.withPort {
            try await withTransportBroker(to: self.uri, change, logger: logger, body)
        }
    }

    /// Runs `body` with a proxy to the server, which refuses connections until it listens.
    func withProxy<Result: Sendable>(_ body: (FaultProxy) async throws -> Result) async throws -> Result {
        try await self.withPort {
            let proxy = try FaultProxy(to: RabbitMQConfiguration(uri: self.uri).endpoints[0])
            defer { proxy.stop() }
            return try await body(proxy)
        }
    }

    /// Runs a transport whose connections go through a proxy.
    func withProxiedTransport<Result: Sendable>(
        _ change: @Sendable (inout RabbitMQConfiguration) throws -> Void = { _ in },
        logger: Logger = .silent,
        _ body: @Sendable (RabbitMQBroker, FaultProxy) async throws -> Result
    ) async throws -> Result {
        try await self.withProxy { proxy in
            try proxy.listen()
            return try await self.withTransport(
                { configuration in
                    configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
                    try change(&configuration)
                },
                logger: logger
            ) { broker in try await body(broker, proxy) }
        }
    }

    /// Publishes a message with headers that are deeper than the transport takes; it refuses to publish them, so somebody
    /// else does.
    func publishDeepHeaders(to queue: String) async throws {
        guard let open = Self.open else {
            var json = "1"
            for _ in 0..<40 { json = #"{"n":\#(json)}"# }
            let body =
                #"{"properties":{"headers":\#(json)},"routing_key":"\#(queue)","payload":"x","payload_encoding":"string"}"#
            let path = ["exchanges", "/", "amq.default", "publish"]
            let reply = try await ManagementAPI.send("POST", path, body: body)
            #expect(reply.contains(#""routed":true"#))
            return
        }
        var deep: FieldValue = 1
        for _ in 0..<39 { deep = ["n": deep] }
        let message = Message("x", properties: BasicProperties(headers: ["n": deep]))
        let connection = open.broker.open(name: "another")
        try connection.openChannel().publish(message, exchange: "", routingKey: queue)
        await connection.close()
    }
}

/// Runs a transport to `uri` around `body`; it must end in good order afterwards.
func withTransportBroker<Result: Sendable>(
    to uri: String,
    _ change: @Sendable (inout RabbitMQConfiguration) throws -> Void = { _ in },
    logger: Logger = .silent,
    watchInterval: Duration = .seconds(5),
    lookUp: @escaping Resolver.LookUp = Resolver.askSystem,
    _ body: @Sendable (RabbitMQBroker) async throws -> Result
) async throws -> Result {
    var configuration = try RabbitMQConfiguration.patient(uri: uri)
    try change(&configuration)
    let broker = RabbitMQBroker(
        configuration: configuration,
        logger: logger,
        watchInterval: watchInterval,
        lookUp: lookUp
    )
    return try await withThrowingTaskGroup { group in
        group.addTask { try await broker.run() }
        let result = try await body(broker)
        group.cancelAll()
        try await group.waitForAll()
        #expect(broker.status == .closed)
        return result
    }
}
