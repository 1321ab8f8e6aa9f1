import EnokiTestSupport
import Testing

/// The releases of nameko that the tests talk to, each with a Python of its own.
enum Nameko: String, CaseIterable, CustomTestStringConvertible {
    /// The last stable release.
    case version2 = "nameko 2.14.1"
    /// The release candidate of the next one.
    case version3 = "nameko 3.0.0rc11"

    var testDescription: String { self.rawValue }

    var python: String {
        get throws {
            switch self {
            case .version2: try TestEnvironment.python
            case .version3: try TestEnvironment.pythonNameko3
            }
        }
    }

    /// The call ids of its standalone client begin with this.
    var standaloneCallIDPrefix: String {
        switch self {
        case .version2: "standalone_rpc_proxy.call."
        case .version3: "standalone_rpc_client."
        }
    }
}
