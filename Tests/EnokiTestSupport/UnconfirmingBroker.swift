import EnokiAMQP
public import EnokiBroker
import EnokiInProcess
import EnokiRabbitMQ

/// A broker that takes messages and does not say so, and connections that end when a test wants it.
///
/// All publishes of the connection pass through it in order: that whose confirm is lost is in its queues.
public final class UnconfirmingBroker: Sendable {
    /// The connection.
    public let broker: any Broker
    /// How many confirms have been lost.
    public let lost: @Sendable () -> Int
    private let cut: @Sendable () -> Void
    private let stopAll: @Sendable () -> Void

    private init(
        _ broker: any Broker,
        lost: @escaping @Sendable () -> Int,
        cut: @escaping @Sendable () -> Void,
        stop: @escaping @Sendable () -> Void
    ) {
        self.broker = broker
        self.lost = lost
        self.cut = cut
        self.stopAll = stop
    }

    /// Ends the connection, which is made again; waits first until `count` confirms have been lost in all.
    public func dropConnection(afterLosing count: Int) async throws {
        try await eventually("\(count) confirms are lost") { self.lost() >= count }
        self.cut()
    }

    /// Ends the connection for good, as soon as `count` confirms have been lost.
    public func stop(afterLosing count: Int) async throws {
        try await eventually("\(count) confirms are lost") { self.lost() >= count }
        self.stopAll()
    }

    /// Runs `body` with a broker of the kind that loses its first `count` confirms.
    public static func with<Result: Sendable>(
        _ kind: TestBroker,
        losingConfirms count: Int,
        _ body: @escaping @Sendable (UnconfirmingBroker) async throws -> Result
    ) async throws -> Result {
        switch kind {
        case .inProcess:
            let plan = (1...max(1, count)).map { Fault.loseConfirm(of: .publish($0)).on("client") }
            let server = InProcessBroker(faults: FaultPlan(plan), logger: TestBroker.silent)
            return try await BrokerFixture.with(server, makeConnection: { server.connect(name: "client") }) { fixture in
                try await body(
                    UnconfirmingBroker(
                        fixture.connect(),
                        lost: { server.faults.count },
                        cut: { server.dropConnections(named: "client") },
                        stop: { server.stop() }
                    )
                )
            }
        case .amqpPort:
            return try await InProcessBroker(logger: TestBroker.silent).listen(logger: TestBroker.silent) { port in
                try await Self.with(uri: port.uri(), losingConfirms: count, body)
            }
        case .rabbitMQ:
            return try await RabbitMQVirtualHost.withFresh { host in
                try await Self.with(uri: host.uri, losingConfirms: count, body)
            }
        }
    }

    private static func with<Result: Sendable>(
        uri: String,
        losingConfirms count: Int,
        _ body: @escaping @Sendable (UnconfirmingBroker) async throws -> Result
    ) async throws -> Result {
        var configuration = try RabbitMQConfiguration(uri: uri)
        let proxy = try FaultProxy(to: configuration.endpoints[0])
        try proxy.listen()
        defer { proxy.stop() }
        let confirms = Locked(Confirms(toLose: count))
        proxy.filter { frame in confirms.withLock { $0.passes(frame) } }
        configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
        configuration.reconnect = ReconnectBackoff(initial: .milliseconds(10), maximum: .milliseconds(100))
        let connect = { @Sendable [configuration] in
            RabbitMQBroker(configuration: configuration, logger: TestBroker.silent)
        }
        return try await BrokerFixture.with(connect(), makeConnection: connect) { fixture in
            try await body(
                UnconfirmingBroker(
                    fixture.broker,
                    lost: { confirms.withLock { $0.lost } },
                    cut: { proxy.cut() },
                    stop: { proxy.stop() }
                )
            )
        }
    }

    /// Counts the confirms that pass on the wire.
    private struct Confirms {
        let toLose: Int
        var lost = 0
        /// The highest number that was confirmed on the present channel.
        private var last: UInt64 = 0

        init(toLose: Int) { self.toLose = toLose }

        mutating func passes(_ frame: FaultProxy.Frame) -> Bool {
            guard frame.method == FaultProxy.Frame.basicAck, frame.payload.count >= 13 else { return true }
            let tag = frame.payload[4..<12].reduce(0) { $0 << 8 | UInt64($1) }
            // Each channel begins with 1.
            if tag <= self.last { self.last = 0 }
            let isMultiple = frame.payload[12] & 1 == 1
            let count = isMultiple ? Int(tag - self.last) : 1
            self.last = max(self.last, tag)
            guard self.lost < self.toLose else { return true }
            self.lost += count
            return false
        }
    }
}
