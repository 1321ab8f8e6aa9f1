import ArgumentParser
import Configuration
import Enoki
import EnokiBroker
import EnokiRabbitMQ
import Logging

/// The options that all commands for dead letters have.
struct DeadLetterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "RabbitMQ's address: amqp://user:password@host:5672/vhost. Better given as AMQP_URI in the environment or in"
                + " the file, where other users of the machine do not see it.",
            valueName: "uri"
        )
    )
    var broker: String?

    @Option(
        name: .customLong("limit"),
        help: ArgumentHelp(
            "How many of the oldest to look at, at most \(DeadLetterQueue.maximumLimit) (default: \(DeadLetterQueue.defaultLimit)).",
            valueName: "n"
        )
    )
    var givenLimit: Int?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var configurationOptions: ConfigurationOptions

    @Option(help: "The lowest level to log: trace, debug, info, notice, warning, error, critical (default: critical).")
    var logLevel: String?

    func validate() throws {
        guard (1...DeadLetterQueue.maximumLimit).contains(self.limit) else {
            throw ValidationError("--limit is \(self.limit): give a number from 1 to \(DeadLetterQueue.maximumLimit)")
        }
    }

    /// How many of the oldest are looked at.
    var limit: Int { self.givenLimit ?? DeadLetterQueue.defaultLimit }

    /// Whether somebody wants no more than so many.
    var isLimited: Bool { self.givenLimit != nil }

    /// The settings of the process.
    func sources() throws -> SettingSources {
        try self.configurationOptions.sources(options: [
            ProcessSetting.amqpURI.rawValue: self.broker.map { .scalar($0) },
            // What a service at work logs is not wanted among these lines, and errors are said by the command.
            ProcessSetting.logLevel.rawValue: .scalar(self.logLevel ?? "critical"),
        ])
    }

    /// Runs `body` with a broker that connects.
    ///
    /// - Throws: `ConfigurationError` without an address; `BrokerError` for a broker that cannot be reached.
    func withBroker<Owner: Program, Result>(
        of owner: Owner.Type,
        _ sources: SettingSources,
        _ body: (any Broker) async throws -> Result
    ) async throws -> Result {
        let reader = sources.reader
        guard let uri = try await reader.fetchString(forKey: ProcessSetting.amqpURI.key, isSecret: true), !uri.isEmpty
        else {
            let reason = "dead letters lie on a broker: give its address as AMQP_URI or with --broker"
            throw ConfigurationError(([reason] + sources.misspelt.map(\.description)).joined(separator: "; "))
        }
        var configuration = try await sources.namingAddress { try RabbitMQConfiguration(uri: uri) }
        configuration.connectionName = "\(owner.name) dead-letters"
        configuration.failFast = true
        // A message that is too long to be read would be rejected, and so be lost. RabbitMQ takes no longer ones.
        configuration.maxBodySize = 512 * 1024 * 1024
        let logger = owner.bootstrapLogging(try await reader.logLevel())
        let broker = RabbitMQBroker(configuration: configuration, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await broker.run() }
            defer { group.cancelAll() }
            do {
                return try await body(broker)
            } catch let error as BrokerError where error.code == .closed {
                // Why it is, says who runs it.
                try await group.waitForAll()
                throw error
            }
        }
    }
}
