import ArgumentParser
import Enoki
import Logging

/// `run`: hosts services until it is told to stop.
struct RunCommand<Runner: ServiceRunner>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "run",
            abstract: "Run services until SIGTERM or Ctrl-C.",
            discussion: """
                Without a broker the services run on an embedded one: messages stay inside this process.

                SIGTERM and the first Ctrl-C stop gracefully: calls in work end, within the grace period (shutdown_grace, \
                25 seconds). A second signal kills them; their messages go back to their queues.

                Exit codes: 0 stopped gracefully, 1 a service failed or did not stop in time, 3 (with \
                --fail-fast) the broker refused the login or could not be reached, 64 wrong usage, 78 wrong configuration, 130 killed.
                """
        )
    }

    @Argument(help: ArgumentHelp("The services to run; all without it.", valueName: "service"))
    var services: [String] = []

    @Option(
        help: ArgumentHelp(
            "RabbitMQ's address: amqp://user:password@host:5672/vhost. Better given as AMQP_URI in the environment or in"
                + " the file, where other users of the machine do not see it.",
            valueName: "uri"
        )
    )
    var broker: String?

    @OptionGroup var configurationOptions: ConfigurationOptions

    @Option(help: ArgumentHelp("How many calls each service works on at once (default: 10).", valueName: "n"))
    var maxWorkers: Int?

    @Option(help: "The lowest level to log: trace, debug, info, notice, warning, error, critical (default: info).")
    var logLevel: String?

    @Flag(help: "Give up when the broker cannot be reached or refuses the login at start, instead of waiting.")
    var failFast = false

    func run() async throws {
        let services = try ServiceSelection.choose(self.services, from: Runner().services)
        let configuration = try await self.configurationOptions.load(options: [
            "AMQP_URI": self.broker,
            "max_workers": self.maxWorkers.map(String.init),
            "LOG_LEVEL": self.logLevel,
        ])
        let logger = self.bootstrapLogging(configuration.logLevel)
        let broker = configuration.broker.makeBroker(name: Runner.name, failFast: self.failFast, logger: logger)
        let host = try ServiceHost(
            broker: broker,
            services: services,
            settings: configuration.settings,
            config: configuration.reader,
            logger: logger
        )
        try await ServiceProcess(host: host, settings: configuration.settings, logger: logger).run {
            self.announce(configuration.broker, broker, services, logger)
        }
    }

    private func bootstrapLogging(_ level: Logger.Level) -> Logger {
        let makeHandler: @Sendable (String) -> any LogHandler = { label in
            var handler = Runner.logHandler(label: label)
            handler.logLevel = level
            return handler
        }
        LoggingSystem.bootstrap(makeHandler)
        return Logger(label: Runner.name, factory: makeHandler)
    }

    private func announce(
        _ choice: BrokerChoice,
        _ broker: any Broker,
        _ services: [any Microservice],
        _ logger: Logger
    ) {
        let names = services.map { type(of: $0).name }.joined(separator: ", ")
        switch choice {
        case .embedded:
            logger.info(
                "runs \(names) on the embedded broker: messages stay inside this process; --broker names another"
            )
        case .rabbitMQ:
            logger.info("runs \(names)", metadata: ["broker": "\(broker.address)"])
        }
    }
}
