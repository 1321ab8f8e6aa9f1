import Configuration
import Enoki
import EnokiRabbitMQManagement

/// RabbitMQ's HTTP API, where a process is told of one: AMQP itself cannot list queues.
struct ManagementAPI: Sendable {
    private let management: RabbitMQManagement
    private let vhost: String

    /// The API at `RABBITMQ_MANAGEMENT_URI`; `nil` without that setting.
    ///
    /// - Parameter vhost: The virtual host that is asked for.
    /// - Throws: `ConfigurationError` for what is no such address.
    init?(_ reader: ConfigReader, vhost: String) async throws {
        guard let uri = try await reader.fetchString(forKey: ProcessSetting.managementURI.key, isSecret: true) else {
            return nil
        }
        do throws(RabbitMQManagement.Refusal) {
            self.management = try RabbitMQManagement(uri: uri.hasSuffix("/") ? String(uri.dropLast()) : uri)
        } catch {
            throw ConfigurationError("\(ProcessSetting.managementURI.rawValue) is \(error.description)")
        }
        self.vhost = vhost
    }

    /// Looks for the queues of services.
    ///
    /// - Throws: `RabbitMQManagement.Refusal` when there is no answer, or none that helps.
    func survey(of declared: ServiceQueues) async throws -> QueueSurvey {
        let columns =
            "columns=name,messages_ready,messages_unacknowledged,consumers,auto_delete,exclusive,arguments"
        let queues: [QueueState] = try await self.queues(query: columns)
        let survey = QueueSurvey(of: declared, queues: queues, bindings: [])
        // There may be as many as there are clients that wait for replies.
        guard !survey.orphans.isEmpty else { return survey }
        let bindings: [BindingState] = try await self.management.get(
            ["bindings", self.vhost],
            query: "columns=source,destination,destination_type"
        )
        return QueueSurvey(of: declared, queues: queues, bindings: bindings)
    }

    private func queues(query: String) async throws -> [QueueState] {
        do {
            return try await self.management.get(["queues", self.vhost], query: query)
        } catch let refusal as RabbitMQManagement.Refusal where refusal.status == 404 {
            throw RabbitMQManagement.Refusal(
                description:
                    "RabbitMQ's HTTP API at \(self.management.address) knows no virtual host '\(self.vhost)': AMQP_URI names it, "
                    + "and the API may be another broker's, or what answers there may be another program",
                status: 404
            )
        }
    }
}
