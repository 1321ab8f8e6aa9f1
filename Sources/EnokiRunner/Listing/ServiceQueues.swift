import Configuration
import Enoki
import EnokiInProcess
import Logging

/// The queues of services, without a broker.
struct ServiceQueues: Sendable, Hashable {
    /// The names of the services.
    var services: [String] = []
    /// The queues that outlive their consumers, each once: only they have dead letters.
    var names: [String] = []
    /// How the names of a broadcast handler's queues begin, which differ from instance to instance:
    /// `evt-<source>-<type>--<service>.<handler>-`.
    var families: [String] = []

    /// The queues of the services of `host`.
    init(of host: ServiceHost) {
        for container in host.containers {
            self.services.append(container.name)
            for entrypoint in container.entrypoints {
                for queue in entrypoint.topology.queues
                where queue.durable && !queue.exclusive && !queue.autoDelete && !self.names.contains(queue.name) {
                    self.names.append(queue.name)
                }
                let end = "--\(container.name).\(entrypoint.name)-"
                self.families += entrypoint.topology.queues.compactMap { queue in
                    queue.name.firstRange(of: end).map { String(queue.name[..<$0.upperBound]) }
                }
            }
        }
    }

    /// Those of `services`.
    ///
    /// - Throws: `ConfigurationError` for services or settings that cannot work.
    init(of services: [any Microservice], _ reader: ConfigReader, logger: Logger) async throws {
        let settings = try await ServiceSettings(reader)
        self.init(
            of: try ServiceHost(
                broker: InProcessBroker(clock: ContinuousClock(), logger: logger),
                services: ServiceSelection.choose([], from: services),
                settings: settings,
                config: reader,
                logger: logger
            )
        )
    }
}
