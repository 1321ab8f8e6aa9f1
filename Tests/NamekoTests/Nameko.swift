import EnokiTestSupport
import Testing

/// The releases of nameko that the tests talk to, each with a Python of its own, over each of the brokers.
struct Nameko: CaseIterable, Sendable, CustomTestStringConvertible {
    /// A release of nameko.
    enum Release: String, CaseIterable {
        /// The last stable release.
        case version2 = "nameko 2.14.1"
        /// The release candidate of the next one.
        case version3 = "nameko 3.0.0rc11"
    }

    let release: Release
    let broker: TestVirtualHost.Kind

    static let allCases = TestVirtualHost.Kind.allCases.flatMap { broker in
        Release.allCases.map { Nameko(release: $0, broker: broker) }
    }

    var testDescription: String { "\(self.release.rawValue) on \(self.broker.rawValue)" }

    var python: String {
        get throws {
            switch self.release {
            case .version2: try TestEnvironment.python
            case .version3: try TestEnvironment.pythonNameko3
            }
        }
    }

    /// The call ids of its standalone client begin with this.
    var standaloneCallIDPrefix: String {
        switch self.release {
        case .version2: "standalone_rpc_proxy.call."
        case .version3: "standalone_rpc_client."
        }
    }

    /// Runs `body` with a virtual host of its own.
    func withVirtualHost<Result: Sendable>(
        _ body: (TestVirtualHost) async throws -> Result
    ) async throws -> Result {
        try await TestVirtualHost.withFresh(of: self.broker, body)
    }
}
