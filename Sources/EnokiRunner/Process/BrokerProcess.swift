import EnokiAMQP
import EnokiInProcess
import Logging
import ServiceLifecycle
import UnixSignals

/// Runs brokers at a port, each a virtual host, until SIGTERM or Ctrl-C.
struct BrokerProcess: Service {
    private let brokers: [InProcessBroker]
    private let server: AMQPServer
    private let logger: Logger

    init(_ port: PortConfiguration, logger: Logger) throws(AMQPServerError) {
        let brokers = port.virtualHosts.map {
            InProcessBroker(virtualHost: $0, clock: ContinuousClock(), logger: logger).tellsWhatIsLost(logger)
        }
        self.brokers = brokers
        self.server = try port.server(for: brokers, logger: logger)
        self.logger = logger
    }

    /// Returns after a signal.
    ///
    /// - Throws: `AMQPServerError` when the address cannot be listened on.
    func runUntilSignal() async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: self)],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: self.logger
            )
        )
        try await group.run()
    }

    /// Part of the group, which has trapped the signals by now.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for broker in self.brokers { tasks.addTask { try await broker.run() } }
            defer { tasks.cancelAll() }
            try await self.server.withPort { port in
                port.announce()
                let hosts = port.virtualHosts.joined(separator: ", ")
                self.logger.info(
                    "takes clients; messages are gone when it stops",
                    metadata: ["virtual_hosts": "\(hosts)"]
                )
                try? await gracefulShutdown()
            }
        }
    }
}

extension AMQPPort {
    /// Says on standard output where clients find the port: one line, for people and for scripts.
    func announce() { Console.output.write("listens on amqp://\(self.address)") }
}
