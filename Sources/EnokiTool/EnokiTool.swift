import ArgumentParser
import EnokiRunner
import Logging

/// The tool `enoki`, for what needs no services.
@main struct EnokiTool: Program {
    static let name = "enoki"

    static func logHandler(label: String) -> any LogHandler { ConsoleLogHandler(label: label) }

    static func main() async { await Self.main(ToolCommand.self) }
}

/// The command line of the tool: nothing by itself but its subcommands.
struct ToolCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: EnokiTool.name,
        abstract: "What Enoki offers on the command line.",
        subcommands: [BrokerCommand<EnokiTool>.self, DeadLettersCommand<EnokiTool>.self]
    )
}
