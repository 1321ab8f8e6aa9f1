import Configuration
import Enoki

/// Settings of nameko that a program cannot obey and must not pass over in silence: who carries them over relies on them.
enum UnsupportedSettings {
    /// - Throws: `ConfigurationError` that says what to write instead.
    static func refuse(_ reader: ConfigReader) async throws {
        for key in ["AMQP_SSL", "AMQP_SSL.ca_certs", "AMQP_SSL.certfile", "AMQP_SSL.keyfile", "AMQP_SSL.cert_reqs"] {
            guard let value = try await reader.fetchString(forKey: ConfigKey(key), isSecret: true) else { continue }
            guard value.lowercased() != "false" else { continue }
            throw ConfigurationError(
                "\(key) is not read, and the connection would not be encrypted as it asks: write AMQP_URI with amqps:// "
                    + "and, where needed, ?cacertfile=…&certfile=…&keyfile=…"
            )
        }
        if let serializer = try await reader.fetchString(forKey: "serializer"), serializer != "json" {
            throw ConfigurationError(
                "serializer is '\(serializer.prefix(40))', and services send json: leave it out; other formats are a "
                    + "`Codec` in code"
            )
        }
    }
}
