import ArgumentParser

/// The options by which every command that logs is told how much.
struct LogOptions: ParsableArguments {
    @Option(help: "The lowest level to log: trace, debug, info, notice, warning, error, critical (default: info).")
    var logLevel: String?

    /// The setting `LOG_LEVEL`.
    var setting: TextProvider.Text? { self.logLevel.map { .scalar($0) } }
}
