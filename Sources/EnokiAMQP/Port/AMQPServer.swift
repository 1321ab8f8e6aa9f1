import EnokiBroker
public import EnokiInProcess
public import Logging
import NIOCore
import NIOPosix

/// An AMQP 0-9-1 server in front of in-process brokers: any client, in any language, takes part.
///
/// It behaves as RabbitMQ 3.10 does, down to the texts of its errors; what it does not do as RabbitMQ says
/// `Docs/BrokerDifferences.md`. Each broker is a virtual host. Their time is the brokers' own, and may be virtual; the time of
/// heartbeats and logins is the clients', and real.
///
/// Most tests want ``EnokiInProcess/InProcessBroker/listen(on:configuration:faults:logger:_:)``.
public struct AMQPServer: Sendable {
    private let brokers: [InProcessBroker]
    private let address: AMQPAddress
    private let configuration: AMQPConfiguration
    private let faults: WireFaultPlan
    private let logger: Logger

    /// A server for one or several virtual hosts.
    ///
    /// - Parameters:
    ///   - brokers: The virtual hosts. Someone has to run each of them.
    ///   - address: Where to listen.
    ///   - configuration: What to ask of clients, and let them do.
    ///   - faults: What goes wrong on the wire, and when.
    ///   - logger: Gets what clients do: their logins at debug level, what they do wrong at info level.
    /// - Throws: ``AMQPServerError`` when no broker or the same virtual host twice is served, or the configuration has a
    ///   limit that AMQP does not know.
    public init(
        brokers: [InProcessBroker],
        on address: AMQPAddress = .loopback(),
        configuration: AMQPConfiguration = AMQPConfiguration(),
        faults: WireFaultPlan = .none,
        logger: Logger = .current
    ) throws(AMQPServerError) {
        try configuration.check()
        guard !brokers.isEmpty else { throw AMQPServerError("expected at least one broker to serve, found none") }
        var known: Set<ByteName> = []
        for broker in brokers where !known.insert(ByteName(broker.virtualHost)).inserted {
            throw AMQPServerError(
                "two brokers have the virtual host '\(broker.virtualHost)': name one of them otherwise, "
                    + "InProcessBroker(virtualHost: \"…\")"
            )
        }
        self.brokers = brokers
        self.address = address
        self.configuration = configuration
        self.faults = faults
        self.logger = logger
    }

    /// Takes clients until `body` ends; then all their connections are closed.
    ///
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; ``AMQPServerError`` when the address cannot be listened on.
    public func withPort<Result>(_ body: (AMQPPort) async throws -> Result) async throws -> Result {
        let connections = Connections(maximum: self.configuration.connectionMax)
        let faults = WireFaults(self.faults)
        let listener = try await self.bind(connections, faults)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(try self.port(of: listener, faults)))
        } catch {
            result = .failure(error)
        }
        try? await listener.close()
        faults.end()
        await connections.close()
        return try result.get()
    }

    private func bind(_ connections: Connections, _ faults: WireFaults) async throws(AMQPServerError) -> any Channel {
        let brokers = Dictionary(uniqueKeysWithValues: self.brokers.map { (ByteName($0.virtualHost), $0) })
        let (configuration, logger) = (self.configuration, self.logger)
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelInitializer { listener in
                listener.eventLoop.makeCompletedFuture {
                    // Without descriptors to spare it waits a little, where it would otherwise try again without end.
                    try listener.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                    guard !faults.isEmpty else { return }
                    try listener.pipeline.syncOperations.addHandler(WireAcceptHandler(faults: faults))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                switch connections.admit(channel) {
                case .admitted: break
                case .closed: return channel.close()
                case .full:
                    logger.warning(
                        "A client is turned away: there are as many connections as there may be",
                        metadata: ["connections": "\(configuration.connectionMax)"]
                    )
                    return channel.close()
                }
                return channel.eventLoop.makeCompletedFuture {
                    let context = ConnectionContext(
                        configuration: configuration,
                        brokers: brokers,
                        isLoopback: channel.remoteAddress?.isLoopback ?? false,
                        logger: logger
                    )
                    if !faults.isEmpty {
                        let number = faults.number(of: ObjectIdentifier(channel))
                        let handler = WireFaultHandler(
                            faults: faults,
                            number: number,
                            frameMax: configuration.frameMax
                        )
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(ConnectionHandler(context: context))
                }
            }
        do {
            return try await bootstrap.bind(host: self.address.host, port: self.address.port).get()
        } catch {
            throw AMQPServerError("cannot listen on \(self.address): \(error); is the port in use?")
        }
    }

    private func port(of listener: any Channel, _ faults: WireFaults) throws(AMQPServerError) -> AMQPPort {
        guard let number = listener.localAddress?.port else {
            throw AMQPServerError("expected a port number at \(self.address), found none: use an IP address")
        }
        return AMQPPort(
            address: AMQPAddress(host: self.address.host, port: number),
            virtualHosts: self.brokers.map(\.virtualHost),
            wireFaults: faults
        )
    }
}

extension SocketAddress {
    /// Whether it is of this machine alone.
    fileprivate var isLoopback: Bool {
        switch self {
        case .v4: self.ipAddress?.hasPrefix("127.") ?? false
        case .v6: self.ipAddress == "::1" || self.ipAddress?.hasPrefix("::ffff:127.") ?? false
        case .unixDomainSocket: true
        }
    }
}
