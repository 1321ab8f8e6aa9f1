import EnokiAMQP
import EnokiInProcess
import Foundation

/// A broker that has a port of this machine, for clients that know nothing but octets: user `guest`, password `guest`.
public protocol WirePeer: Sendable {
    /// The number of the port.
    var port: UInt16 { get }

    /// A virtual host in which there is nothing yet.
    var virtualHost: String { get }

    /// Closes all connections to the virtual host, as an operator does.
    func closeConnections(because reason: String) async throws

    /// Memory is low from now on, or is no more. With RabbitMQ this is so for all virtual hosts: the case needs a node of its
    /// own (``RabbitMQNode``).
    func setMemoryIsLow(_ isLow: Bool) async throws

    /// Restarts the broker. RabbitMQ must be a node of the case's own (``RabbitMQNode``).
    func restart() async throws
}

extension TestBroker {
    /// The brokers that have a port.
    public static let withPorts: [TestBroker] = [.rabbitMQ, .amqpPort]

    /// Runs `body` with such a broker, in which there is nothing yet and which nobody else uses.
    ///
    /// - Throws: What `body` throws; ``TestEnvironment/Missing`` where RabbitMQ was not started.
    public func withWirePeer<Result: Sendable>(_ body: (any WirePeer) async throws -> Result) async throws -> Result {
        switch self {
        case .rabbitMQ:
            return try await RabbitMQNode.whileCurrentIsInUse {
                try await RabbitMQVirtualHost.withFresh { try await body(RabbitMQWirePeer($0)) }
            }
        case .amqpPort:
            let broker = InProcessBroker(logger: Self.silent)
            return try await broker.listen(logger: Self.silent) { port in
                try await body(AMQPPortWirePeer(broker: broker, port: UInt16(port.number)))
            }
        case .inProcess: throw ConditionNotMet(description: "The broker inside the process has no port")
        }
    }
}

extension RabbitMQVirtualHost {
    /// The virtual host, for clients that know nothing but octets.
    ///
    /// - Throws: An error where its URI has no port.
    public func wirePeer() throws -> any WirePeer { try RabbitMQWirePeer(self) }
}

private struct RabbitMQWirePeer: WirePeer {
    private let host: RabbitMQVirtualHost
    let port: UInt16
    var virtualHost: String { self.host.name }

    init(_ host: RabbitMQVirtualHost) throws {
        guard let port = URLComponents(string: host.uri)?.port.flatMap(UInt16.init(exactly:)) else {
            throw URLError(.badURL)
        }
        self.host = host
        self.port = port
    }

    func closeConnections(because reason: String) async throws {
        let connections = try await eventually("the connections are known") {
            try await self.host.connections()
        } until: {
            !$0.isEmpty
        }
        for connection in connections { try await self.host.close(connection, reason: reason) }
    }

    func setMemoryIsLow(_ isLow: Bool) async throws {
        guard RabbitMQNode.current != nil else {
            throw ConditionNotMet(description: "Only a RabbitMQ of the suite's own runs low: see RabbitMQNode.")
        }
        let arguments = ["-q", "set_vm_memory_high_watermark", isLow ? "0.0000001" : "0.8"]
        try await ChildProcess.with(TestEnvironment.rabbitmqctl, arguments) { child in
            guard try await child.ended(within: .seconds(60)) == .status(0) else {
                throw ConditionNotMet(description: "RabbitMQ's limit is not set: \(child.output)\(child.errors)")
            }
        }
    }

    func restart() async throws { try await RabbitMQNode.current?.restart() }
}

private struct AMQPPortWirePeer: WirePeer {
    let broker: InProcessBroker
    let port: UInt16
    /// As in the broker's error texts.
    var virtualHost: String { "/" }

    func closeConnections(because reason: String) async throws { self.broker.dropConnections(because: reason) }

    func setMemoryIsLow(_ isLow: Bool) async throws {
        if isLow { self.broker.block() } else { self.broker.unblock() }
    }

    func restart() async throws { self.broker.restart() }
}
