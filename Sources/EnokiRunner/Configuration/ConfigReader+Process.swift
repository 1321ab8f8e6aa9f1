import Configuration
import Enoki
import Logging

extension ConfigReader {
    /// The settings of a process, from all sources: the command line counts more than the environment, and that more than
    /// the file. In the environment keys are written in capitals: `MAX_WORKERS`.
    init(commandLine: [String: TextProvider.Text], environment: [String: String], file: ConfigurationFile?) {
        var providers: [any ConfigProvider] = [
            TextProvider(name: "the command line", commandLine),
            EnvironmentVariablesProvider(
                environmentVariables: environment,
                secretsSpecifier: .dynamic { name, _ in TextProvider.isSecret(name) }
            ),
        ]
        if let file { providers.append(file.provider) }
        self.init(providers: providers)
    }

    /// The lowest level that is logged: `LOG_LEVEL`, by default `info`.
    ///
    /// - Throws: `ConfigurationError` for what is not a level.
    func logLevel() async throws -> Logger.Level {
        guard let name = try await self.fetchString(forKey: ProcessSetting.logLevel.key) else { return .info }
        guard let level = Logger.Level(rawValue: name.lowercased()) else {
            let known = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationError("LOG_LEVEL (or --log-level) is not a level: give one of \(known)")
        }
        return level
    }
}
