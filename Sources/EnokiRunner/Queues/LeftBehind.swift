import Enoki
import EnokiRabbitMQ
import Logging

/// Tells the log of a process that starts which queues an older version of its services has left behind.
struct LeftBehind: Sendable {
    private let api: ManagementAPI
    private let declared: ServiceQueues
    private let logger: Logger

    /// `nil` where no HTTP API was named, or the broker is no RabbitMQ.
    ///
    /// - Throws: `ConfigurationError` for what is no address of an HTTP API.
    init?(_ configuration: ProcessConfiguration, _ host: ServiceHost, logger: Logger) async throws {
        guard case .rabbitMQ(let rabbitMQ) = configuration.broker,
            let api = try await ManagementAPI(configuration.reader, vhost: rabbitMQ.vhost)
        else { return nil }
        self.api = api
        self.declared = ServiceQueues(of: host)
        self.logger = logger
    }

    /// Asks once, and logs a line for each.
    func report() async {
        do {
            for orphan in try await self.api.survey(of: self.declared).orphans {
                self.logger.warning(
                    "a queue is left behind: \(Redaction.redacted(orphan.description))",
                    metadata: [
                        "queue": "\(Redaction.redacted(orphan.name))", "messages": "\(orphan.state?.messages ?? 0)",
                    ]
                )
            }
        } catch is CancellationError {
        } catch {
            if Task.isCancelled { return }
            self.logger.warning(
                "the queues that may be left behind are not known",
                metadata: ["error": "\(FailureText.text(of: error))"]
            )
        }
    }
}
