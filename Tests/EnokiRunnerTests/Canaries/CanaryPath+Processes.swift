import EnokiTestSupport
import Foundation

extension CanaryPath {
    private static let address = "amqp://svc:{}@127.0.0.1:1/"

    /// What a program prints that is told an address where it expects something else.
    static let processes: [CanaryPath] =
        ([
            ("a definition without a key", ["run", "-d", address]),
            ("a number of workers", ["run", "--max-workers", address]),
            ("a level", ["run", "--log-level", address]), ("a service", ["run", address]),
            ("an option that is none", ["run", "--brokr=\(address)"]), ("a port", ["run", "--listen", address]),
            ("a command", [address]), ("a port of a broker", ["broker", "--listen", address]),
            ("a heartbeat", ["broker", "--heartbeat", address]), ("a file", ["run", "--config", address]),
            ("a queue", ["dead-letters", "show", address, "--broker", "amqp://127.0.0.1:1/"]),
            ("a reason", ["dead-letters", "list", "--reason", address, "--broker", "amqp://127.0.0.1:1/"]),
            ("a rate", ["dead-letters", "replay", "q", "--rate", address, "--broker", "amqp://127.0.0.1:1/"]),
            ("a broker", ["run", "steady", "--fail-fast", "--broker", address]),
            ("a broker of dead letters", ["dead-letters", "list", "--broker", address]),
        ] as [(String, [String])]).map { name, arguments in
            .each("an address as \(name)", to: .exit, count: 3) { canary in
                let arguments = arguments.map { $0.replacing("{}", with: canary.text) }
                return try await RunnerFixture.with(arguments) { child in
                    try await child.ended()
                    return [child.output, child.errors]
                }
            }
        } + [
            .each("a list of services", to: .listing, count: 3) { canary in
                let environment = Self.secrets(canary)
                let arguments = ["services", "steady", "brief"]
                return try await RunnerFixture.with(arguments, environment: environment) { child in
                    try await child.ended()
                    return [child.output, child.errors]
                }
            },
            .each("a process that other users can see", to: .process, count: 3) { canary in
                let environment = Self.secrets(canary)
                return try await RunnerFixture.with(["run", "steady"], environment: environment) { child in
                    try await eventually("it tries to connect") {
                        child.errors
                    } until: {
                        $0.contains("no connection")
                    }
                    let seen = ["cmdline", "comm", "status"].map { name in
                        let data = FileManager.default.contents(atPath: "/proc/\(child.id)/\(name)")
                        return String(decoding: data ?? Data(), as: UTF8.self)
                    }
                    return seen + [child.output, child.errors]
                }
            },
        ]

    private static func secrets(_ canary: Canary) -> [String: String] {
        [
            "AMQP_URI": "amqp://svc:\(canary.percentEncoded)@127.0.0.1:1/", "DB_PASSWORD": canary.text,
            "LOG_LEVEL": "trace",
        ]
    }
}
