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
                Without a broker the services run on an embedded one, with a warning: messages stay inside this process. With --listen others \
                join it, by AMQP 0-9-1 as they would join RabbitMQ; once the services have started, standard output says \
                where: listens on amqp://127.0.0.1:5672. `help broker` says who may log in.

                SIGTERM and the first Ctrl-C stop gracefully: calls in work end, within the grace period (shutdown_grace, \
                25 seconds). A second signal kills them; their messages go back to their queues.

                Exit codes: 0 stopped gracefully, 1 a service failed or did not stop in time, or \
                the port could not be opened, 3 (with \
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

    @Option(
        help: ArgumentHelp(
            "A port of the embedded broker, where clients in any language join; 0 is one that is free"
                + " (AMQP_SERVER_ADDRESS).",
            valueName: "[host:]port"
        )
    )
    var listen: String?

    @OptionGroup var configurationOptions: ConfigurationOptions

    @Option(help: ArgumentHelp("How many calls each service works on at once (default: 10).", valueName: "n"))
    var maxWorkers: Int?

    @OptionGroup var logOptions: LogOptions

    @Flag(help: "Give up when the broker cannot be reached or refuses the login at start, instead of waiting.")
    var failFast = false

    func run() async throws {
        let services = try ServiceSelection.choose(self.services, from: Runner().services)
        let options: [String: TextProvider.Text?] = [
            ProcessSetting.amqpURI.rawValue: self.broker.map { .scalar($0) },
            ProcessSetting.portAddress.rawValue: self.listen.map { .scalar($0) },
            ServiceSettings.Key.maxWorkers.rawValue: self.maxWorkers.map { .scalar(String($0)) },
            ProcessSetting.logLevel.rawValue: self.logOptions.setting,
        ]
        let settings = { @Sendable [configurationOptions] in try configurationOptions.sources(options: options) }
        let sources = try settings()
        let configuration = try await sources.namingAddress { try await ProcessConfiguration(sources.reader) }
        let logger = RunnerProgram<Runner>.bootstrapLogging(configuration.logLevel)
        sources.warn(logger)
        let broker = try configuration.broker.makeBroker(
            name: Runner.name,
            failFast: self.failFast,
            settings: { try settings().reader },
            logger: logger
        )
        let host = try ServiceHost(
            broker: broker.broker,
            services: services,
            settings: configuration.settings,
            config: configuration.reader,
            logger: logger
        )
        let leftBehind = try await LeftBehind(configuration, host, logger: logger)
        let process = ServiceProcess(host: host, settings: configuration.settings, logger: logger)
        try await broker.withPort { port in
            try await process.run {
                self.announce(configuration.broker, broker.broker, services, logger)
            } whenStarted: {
                port?.announce()
                await leftBehind?.report()
            }
        }
    }

    private func announce(
        _ choice: BrokerChoice,
        _ broker: any Broker,
        _ services: [any Microservice],
        _ logger: Logger
    ) {
        let names = services.map { type(of: $0).name }.joined(separator: ", ")
        switch choice {
        case .embedded(port: nil, _):
            // For development. In a deployment it is a process that is alive, and that nobody reaches.
            logger.warning(
                """
                runs \(names) on the embedded broker, which nobody else can reach: name a broker with AMQP_URI or --broker, or \
                let others join with --listen
                """
            )
        case .embedded:
            logger.info("runs \(names) on the embedded broker, which takes other clients")
        case .rabbitMQ:
            logger.info("runs \(names)", metadata: ["broker": "\(broker.address)"])
        }
    }
}
