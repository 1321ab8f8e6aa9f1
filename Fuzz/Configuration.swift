import Configuration
import Enoki

@testable import EnokiRunner

/// A configuration file is understood or refused.
func fuzzConfiguration(_ octets: [UInt8]) {
    guard let file = try? ConfigurationFile(content: octets, name: "fuzz.yaml") else { return }
    let reader = ConfigReader(provider: file.provider)
    for key in ["AMQP_URI", "a", "a.b", "max_workers"] as [ConfigKey] {
        _ = reader.string(forKey: key)
        _ = reader.int(forKey: key)
        _ = reader.double(forKey: key)
        _ = reader.stringArray(forKey: key)
    }
}
