import Configuration
import Enoki
import EnokiTestSupport
import Foundation

@testable import EnokiRunner

extension CanaryPath {
    /// A secret at a key that is for something else, on the command line, in the environment and in the file.
    static let settings: [CanaryPath] =
        (ServiceSettings.Key.allCases.map(\.rawValue) + ProcessSetting.allCases.map(\.rawValue))
        // Those that may be any text.
        .filter { !["rpc_exchange", "context_keys", "AMQP_SERVER_VIRTUAL_HOSTS", "AMQP_SERVER_USERS"].contains($0) }
        .map { key in .each("a secret as \(key)", to: .error) { try await Self.misread(key, $0.text) } } + [
            .each("a user twice", to: .error) { try await Self.misread("AMQP_SERVER_USERS", "ada:{},ada:{}", $0) },
            .each("a user without a name", to: .error) { try await Self.misread("AMQP_SERVER_USERS", "ada:a,:{}", $0) },
            .each("a port for users", to: .value) { canary in
                let sources = SettingSources(definitions: ["AMQP_SERVER_USERS": .list(["ada:\(canary.text)"])])
                return texts(of: try await PortConfiguration(sources.reader))
            },
            .each("a slip of a key", to: .log) { canary in
                let log = LogRecorder()
                SettingSources(
                    definitions: ["AMPQ_URI": .scalar(canary.text), "max_workerz": .scalar(canary.text)],
                    environment: ["AMQP_URL": canary.text]
                ).warn(log.logger)
                return log.entries.map { "\($0)" }
            },
            .each("what reads the settings", to: .value) { canary in
                let names = [
                    "AMQP_URI", "AMQP_SERVER_USERS", "DB_PASSWORD", "API_TOKEN", "CLIENT_SECRET", "DATABASE_DSN",
                ]
                let values = Dictionary(uniqueKeysWithValues: names.map { ($0, "ada:\(canary.text)") })
                let sources = SettingSources(definitions: values.mapValues { .scalar($0) }, environment: values)
                return ["\(sources.reader)", String(reflecting: sources.reader)]
            },
        ]

    private static func misread(_ key: String, _ shape: String, _ canary: Canary) async throws -> [String] {
        try await self.misread(key, shape.replacing("{}", with: canary.text))
    }

    /// What is said of a value that a setting cannot have.
    private static func misread(_ key: String, _ value: String) async throws -> [String] {
        let sources = [
            SettingSources(definitions: [key: .scalar(value)]), SettingSources(definitions: [key: .list([value])]),
            SettingSources(environment: [key.uppercased(): value]),
        ]
        var said: [String] = []
        for sources in sources {
            do {
                _ = try await sources.namingAddress { try await ProcessConfiguration(sources.reader) }
                said.append("it was taken")
            } catch {
                said += texts(of: error)
            }
            do {
                _ = try await PortConfiguration(sources.reader)
            } catch {
                said += texts(of: error)
            }
        }
        return said
    }

    /// Files with a secret that are not, or not quite, what they should be.
    static let files: [CanaryPath] = [
        ("a quote without its end", "AMQP_URI: 'amqp://svc:{}@host/"), ("a bracket", "AMQP_URI: [amqp://svc:{}@host/"),
        ("a key twice", "password: {}\npassword: {}"), ("a key with a secret twice", "\"{j}\": 1\n\"{j}\": 2"),
        ("a list", "- {}"), ("a text", "{}"), ("an alias", "a: &x {}\nb: *x"), ("a tab", "a:\n\t- {}"),
        ("two documents", "a: 1\n--- {}\n...\nb"), ("/etc/passwd", "root:x:0:0:{}:/root:/bin/sh\nbin:x:1"),
        ("a key file", "-----BEGIN RSA KEY-----\n{}\n-----END RSA KEY-----"), ("a tag", "a: !{} b"),
        ("a directive", "%{}\n---\na: b"), ("an escape that is none", "a: \"\\q{}\""),
        ("an anchor", "a: &{} 1\n*{} : 2"),
        ("a list of mappings", "a: [{b: \"{j}\"}]"), ("a mapping as a key", "? {a: \"{j}\"}\n: c"),
        ("a slip of a key", "AMPQ_URI: \"{j}\"\nmax_workerz: \"{j}\""), ("not UTF-8", "a: {}\u{0}\n"),
    ].map { name, shape in
        .each("a file with \(name)", to: .error) { canary in
            let content = shape.replacing("{}", with: canary.text).replacing("{j}", with: canary.inJSON)
            do {
                let log = LogRecorder()
                var file = try ConfigurationFile(content: Array(content.utf8), name: "shop.yaml")
                file.exposure = "everybody may read it"
                SettingSources(file: file).warn(log.logger)
                return log.entries.map { "\($0)" } + texts(of: file.provider) + ["it was taken"]
            } catch {
                return texts(of: error)
            }
        }
    }
}
