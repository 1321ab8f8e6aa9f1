import Configuration
import Enoki
import EnokiBroker
import EnokiRabbitMQ
import Logging

/// Where the settings of a process stand. The command line counts more than the environment, and that more than the file.
struct SettingSources: Sendable {
    /// Definitions, by key.
    var definitions: [String: TextProvider.Text] = [:]
    /// Settings that were given by options of their own, such as `--broker`; they count more than definitions.
    var options: [String: TextProvider.Text] = [:]
    var environment: [String: String] = [:]
    var file: ConfigurationFile?

    /// The settings.
    var reader: ConfigReader {
        ConfigReader(
            commandLine: self.definitions.merging(self.options) { $1 },
            environment: self.environment,
            file: self.file
        )
    }

    // MARK: - The broker's address

    /// Where the broker's address was given; `nil` where it was not.
    var addressOrigin: String? {
        if self.options[ProcessSetting.amqpURI.rawValue] != nil { return "--broker" }
        if self.definitions[ProcessSetting.amqpURI.rawValue] != nil { return "-d AMQP_URI" }
        if self.environment[ProcessSetting.amqpURI.rawValue] != nil { return "the environment variable AMQP_URI" }
        return self.file?.names.contains(ProcessSetting.amqpURI.rawValue) == true
            ? self.file.map { "AMQP_URI in \($0.name)" } : nil
    }

    /// Runs `body`. The error of an address that cannot be understood says then where the address was given.
    func namingAddress<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as BrokerError where error.code == .invalidAddress {
            guard let origin = self.addressOrigin else { throw error }
            throw BrokerError(.invalidAddress, "\(error.message); it was given by \(origin)")
        }
    }

    // MARK: - Misspelt settings

    /// A setting that nobody reads, most likely, and that looks like one that is read.
    struct Misspelt: Sendable, Hashable, CustomStringConvertible {
        let name: String
        let place: String
        let known: String

        var description: String {
            "\(Redaction.redacted(self.name)) \(self.place) is not read: is \(self.known) meant?"
        }
    }

    /// What looks like a slip, in the order of how much it counts.
    var misspelt: [Misspelt] {
        let definitions = self.misspelt(self.definitions.keys.sorted(), "on the command line")
        let file = self.file.map { self.misspelt($0.names, "in \($0.name)") } ?? []
        return definitions + self.misspeltInEnvironment + file
    }

    private func misspelt(_ names: [String], _ place: String) -> [Misspelt] {
        names.compactMap { name in
            KnownSettings.setting(misspelt: name).map { Misspelt(name: name, place: place, known: $0) }
        }
    }

    /// The environment is full of others' variables: what looks like a setting that is given is none of ours.
    private var misspeltInEnvironment: [Misspelt] {
        self.environment.keys.sorted().compactMap { name in
            guard let known = KnownSettings.setting(misspelt: name, spelling: { $0.uppercased() }),
                !self.isGiven(known)
            else { return nil }
            return Misspelt(name: name, place: "in the environment", known: known.uppercased())
        }
    }

    private func isGiven(_ key: String) -> Bool {
        self.definitions[key] != nil || self.options[key] != nil || self.environment[key.uppercased()] != nil
            || self.file?.names.contains(key) == true
    }

    /// Whether the broker's address is given on the command line, with a password that is not everybody's.
    private var hasPasswordOnCommandLine: Bool {
        let key = ProcessSetting.amqpURI.rawValue
        guard case .scalar(let uri)? = self.options[key] ?? self.definitions[key],
            let configuration = try? RabbitMQConfiguration(uri: uri)
        else { return false }
        return configuration.password != RabbitMQConfiguration().password
    }

    /// Warns of what looks like a slip, of a password that others see, of a file that others may replace, and of a secret that they
    /// may read.
    func warn(_ logger: Logger) {
        for misspelt in self.misspelt { logger.warning("\(misspelt)") }
        if self.hasPasswordOnCommandLine, let origin = self.addressOrigin {
            logger.warning(
                """
                other users of this machine can read the password in \(origin), as all that stands on a command line: give the \
                address as AMQP_URI in the environment or in the file
                """
            )
        }
        if let file = self.file, let risk = file.risk {
            logger.warning("the configuration file may be another's: \(risk)", metadata: ["file": "\(file.name)"])
        }
        guard let file = self.file, let exposure = file.exposure, !file.secrets.isEmpty else { return }
        logger.warning(
            "the configuration file has secrets, and \(exposure)",
            metadata: [
                "file": "\(file.name)",
                "settings": .array(file.secrets.map { .string(Redaction.redacted($0)) }),
            ]
        )
    }
}
