import ArgumentParser
import Enoki
import EnokiInProcess
import Logging

/// `services`: says what there is, without connecting to anything.
struct ServicesCommand<Runner: ServiceRunner>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "services",
            abstract: "List services with their entrypoints, queues and exchanges.",
            discussion: "Needs no broker. A name that is new at each start is shown as <id>."
        )
    }

    @Argument(help: ArgumentHelp("The services to list; all without it.", valueName: "service"))
    var services: [String] = []

    @OptionGroup var configurationOptions: ConfigurationOptions

    func run() async throws {
        let services = try ServiceSelection.choose(self.services, from: Runner().services)
        let sources = try self.configurationOptions.sources()
        let configuration = try await sources.namingAddress { try await ProcessConfiguration(sources.reader) }
        let logger = Logger(label: Runner.name, factory: Runner.logHandler)
        sources.warn(logger)
        let host = try ServiceHost(
            broker: InProcessBroker(clock: ContinuousClock(), logger: logger),
            services: services,
            settings: configuration.settings,
            config: configuration.reader,
            logger: logger
        )
        Console.output.write(ServicesReport(host.containers).text)
    }
}
