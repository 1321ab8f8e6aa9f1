import Configuration
import Enoki
import EnokiInProcess
import Logging

/// The queues of services, without a broker.
enum ServiceQueues {
    /// Those that outlive their consumers, each once: only they have dead letters.
    ///
    /// - Throws: `ConfigurationError` for services or settings that cannot work.
    static func names(of services: [any Microservice], _ reader: ConfigReader, logger: Logger) async throws -> [String]
    {
        let settings = try await ServiceSettings(reader)
        let host = try ServiceHost(
            broker: InProcessBroker(clock: ContinuousClock(), logger: logger),
            services: ServiceSelection.choose([], from: services),
            settings: settings,
            config: reader,
            logger: logger
        )
        var names: [String] = []
        for queue in host.containers.flatMap(\.entrypoints).flatMap(\.topology.queues)
        where queue.durable && !queue.exclusive && !queue.autoDelete && !names.contains(queue.name) {
            names.append(queue.name)
        }
        return names
    }
}
