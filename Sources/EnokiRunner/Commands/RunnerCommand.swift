import ArgumentParser

/// The command line of a ``ServiceRunner``: nothing by itself but its subcommands.
struct RunnerCommand<Runner: ServiceRunner>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Runner.name,
            abstract: "Runs microservices.",
            version: Runner.version,
            subcommands: [
                RunCommand<Runner>.self, ServicesCommand<Runner>.self, QueuesCommand<Runner>.self,
                BrokerCommand<RunnerProgram<Runner>>.self, DeadLettersCommand<RunnerProgram<Runner>>.self,
            ] + Runner.subcommands
        )
    }
}
