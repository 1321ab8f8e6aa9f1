import ArgumentParser
import Enoki
import EnokiRabbitMQ
import Logging

/// `queues`: how the queues of the services are, and which an older version has left behind.
struct QueuesCommand<Runner: ServiceRunner>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "queues",
            abstract: "List the services' queues on RabbitMQ, and those that an older version has left behind.",
            discussion: """
                A handler that was renamed or removed leaves its queue: nobody consumes it, and it fills. After a deploy this command \
                finds it by its name, evt-<source>-<type>--<service>.<handler>.

                It asks RabbitMQ's HTTP API (the management plugin) at RABBITMQ_MANAGEMENT_URI, from the environment or the \
                file: http://user:password@host:15672. The user needs the tag `management` and any right in the virtual host, \
                which is that of AMQP_URI. What it shows can be some five seconds old.

                Exit codes: 0 none is left behind, 1 one is, 3 the HTTP API refused or did not answer, 64 wrong usage, 78 wrong \
                configuration.
                """
        )
    }

    @Argument(help: ArgumentHelp("The services; all without it.", valueName: "service"))
    var services: [String] = []

    @OptionGroup var configurationOptions: ConfigurationOptions

    func run() async throws {
        let services = try ServiceSelection.choose(self.services, from: Runner().services)
        let sources = try self.configurationOptions.sources()
        let configuration = try await sources.namingAddress { try await ProcessConfiguration(sources.reader) }
        let logger = Logger(label: Runner.name, factory: Runner.logHandler)
        sources.warn(logger)
        guard case .rabbitMQ(let rabbitMQ) = configuration.broker else {
            throw ConfigurationError("AMQP_URI is not set: its virtual host is the one whose queues are listed")
        }
        guard let api = try await ManagementAPI(sources.reader, vhost: rabbitMQ.vhost) else {
            throw ConfigurationError(
                "\(ProcessSetting.managementURI.rawValue) is not set: give RabbitMQ's HTTP API, as http://host:15672 with "
                    + "user:password and an @ before the host, in the environment or in the file"
            )
        }
        let survey = try await api.survey(of: try await ServiceQueues(of: services, sources.reader, logger: logger))
        var table = TextTable("QUEUE", "READY", "UNACKED", "CONSUMERS", "NOTE")
        for entry in survey.entries {
            let numbers = [entry.state?.ready, entry.state?.unacknowledged, entry.state?.consumers]
            let cells = entry.state == nil ? ["", "", ""] : numbers.map { String($0 ?? 0) }
            // Anybody may have chosen the name of one that was left behind.
            table.rows.append(
                [Redaction.redacted(entry.name)] + cells + [
                    entry.orphanedBy == nil ? entry.description : Redaction.redacted("left behind: \(entry)")
                ]
            )
        }
        for line in table.lines { Console.output.write(line) }
        guard survey.orphans.isEmpty else { throw QueuesLeftBehind(count: survey.orphans.count) }
    }
}

/// An older version of the services has left queues behind.
struct QueuesLeftBehind: Error, Hashable, CustomStringConvertible {
    let count: Int

    var description: String {
        "\(self.count == 1 ? "1 queue was" : "\(self.count) queues were") left behind: see that nobody needs what is in there, or let the "
            + "older version empty it; then `rabbitmqctl delete_queue NAME`"
    }
}
