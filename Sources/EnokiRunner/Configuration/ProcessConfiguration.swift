import Configuration
import Enoki
import Logging

/// What a process that hosts services was told.
struct ProcessConfiguration: Sendable {
    /// All settings, for the services' own ``Config``.
    let reader: ConfigReader
    /// The settings of the containers.
    let settings: ServiceSettings
    /// Where messages go.
    let broker: BrokerChoice
    /// The lowest level that is logged.
    let logLevel: Logger.Level

    /// Understands the settings of a process.
    ///
    /// ## Configuration keys
    /// Those of `ServiceSettings`, and:
    /// - `AMQP_URI` (string): the broker; without it there is an embedded one.
    /// - `AMQP_SERVER_ADDRESS` (string): where the embedded broker takes clients; without it nowhere. ``PortConfiguration``
    ///   lists the other keys of the port.
    /// - `LOG_LEVEL` (string, default `info`)
    ///
    /// - Throws: `ConfigurationError` for a value that cannot be used, `BrokerError` for such an address.
    init(_ reader: ConfigReader) async throws {
        self.reader = reader
        try await UnsupportedSettings.refuse(reader)
        self.settings = try await ServiceSettings(reader)
        self.broker = try await BrokerChoice(reader, limits: self.settings.limits)
        self.logLevel = try await reader.logLevel()
    }
}
