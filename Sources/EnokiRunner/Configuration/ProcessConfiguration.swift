import Configuration
import Enoki
import Logging

/// What a process was told, from all sources: the command line counts more than the environment, and that more than the
/// file.
struct ProcessConfiguration: Sendable {
    /// All settings, for the services' own ``Config``.
    let reader: ConfigReader
    /// The settings of the containers.
    let settings: ServiceSettings
    /// Where messages go.
    let broker: BrokerChoice
    /// The lowest level that is logged.
    let logLevel: Logger.Level

    /// Puts the sources together.
    ///
    /// ## Configuration keys
    /// Those of `ServiceSettings`, and:
    /// - `AMQP_URI` (string): the broker; without it there is an embedded one.
    /// - `LOG_LEVEL` (string, default `info`)
    ///
    /// In the environment keys are written in capitals: `MAX_WORKERS`.
    ///
    /// - Throws: `ConfigurationError` for a value that cannot be used, `BrokerError` for such an address.
    init(commandLine: [String: String], environment: [String: String], file: ConfigurationFile?) async throws {
        var providers: [any ConfigProvider] = [
            TextProvider(name: "the command line", commandLine),
            EnvironmentVariablesProvider(
                environmentVariables: environment,
                secretsSpecifier: .dynamic { name, _ in TextProvider.isSecret(name) }
            ),
        ]
        if let file { providers.append(file.provider) }
        self.reader = ConfigReader(providers: providers)
        try await UnsupportedSettings.refuse(self.reader)
        self.settings = try await ServiceSettings(self.reader)
        self.broker = try BrokerChoice(uri: try await self.reader.fetchString(forKey: "AMQP_URI", isSecret: true))
        self.logLevel = try Self.logLevel(try await self.reader.fetchString(forKey: "LOG_LEVEL"))
    }

    private static func logLevel(_ name: String?) throws(ConfigurationError) -> Logger.Level {
        guard let name else { return .info }
        guard let level = Logger.Level(rawValue: name.lowercased()) else {
            let known = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationError("LOG_LEVEL is not a level: give one of \(known)")
        }
        return level
    }
}
