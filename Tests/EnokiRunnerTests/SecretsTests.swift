import EnokiTestSupport
import Foundation
import Testing

/// What a process is told in confidence stands in nothing that it prints, whatever is wrong with the rest.
@Suite struct SecretsTests {
    private static let secret = "CANARY"

    /// Addresses with the secret as their password, most of them wrong elsewhere.
    private static let addresses = [
        "amqp://svc:CANARY@127.0.0.1:1/", "amqp://svc:CANARY@127.0.0.1:99999/", "amqp://svc:CANARY@127.0.0.1:x/",
        "amqp://svc:CANARY@/", "http://svc:CANARY@127.0.0.1/", "svc:CANARY@127.0.0.1", "amqp://svc:CANARY@[::1/",
        "amqp://svc:CANARY%ZZ@127.0.0.1/", "amqp://svc:CANARY@127.0.0.1/a/b", "amqp://svc:CANARY@127.0.0.1/?x=1",
        "amqp://svc:CANARY@127.0.0.1/?heartbeat=-1", "amqp://svc:CANARY@127.0.0.1/%ff", "amqp://svc:CANARY@h1,@h2/",
        "amqps://svc:CANARY@127.0.0.1/?cacertfile=/none", "amqp:/svc:CANARY@127.0.0.1/", "amqp://CANARY@127.0.0.1:1/",
        "amqp://svc:C%41NARY@127.0.0.1:1/", "amqp://svc:CANARY@no-such-host.invalid/", " amqp://svc:CANARY@127.0.0.1/",
        "amqp://svc:CANARY@127.0.0.1/\u{0}",
    ]

    private func expectSilence(
        _ arguments: [String],
        environment: [String: String] = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await RunnerFixture.with(arguments, environment: environment) { child in
            _ = try await child.ended()
            let printed = child.output + child.errors
            #expect(!printed.isEmpty, sourceLocation: sourceLocation)
            for form in [Self.secret, "C%41NARY", Data(Self.secret.utf8).base64EncodedString()] {
                #expect(!printed.contains(form), "\(arguments): \(printed)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test(arguments: Self.addresses.dropLast()) func ofAnAddressInTheEnvironment(_ address: String) async throws {
        for command in [["run", "steady", "--fail-fast"], ["dead-letters", "list", "steady"]] {
            try await self.expectSilence(command, environment: ["AMQP_URI": address, "LOG_LEVEL": "trace"])
        }
    }

    @Test(arguments: Self.addresses.dropLast()) func ofAnAddressOnTheCommandLine(_ address: String) async throws {
        try await self.expectSilence(["run", "steady", "--fail-fast", "--broker", address])
        try await self.expectSilence(["run", "steady", "--fail-fast", "--define", "AMQP_URI=\(address)"])
    }

    @Test(arguments: Self.addresses) func ofAnAddressInAFile(_ address: String) async throws {
        for line in ["AMQP_URI: \"\(address)\"", "AMQP_URI: [\(address)", "AMQP_URI: {a: \(address)}\nAMQP_URI: 1"] {
            let file = FileManager.default.temporaryDirectory.appending(path: "enoki-\(UUID().uuidString).yaml")
            defer { try? FileManager.default.removeItem(at: file) }
            try Data(line.utf8).write(to: file)
            try await self.expectSilence(["run", "steady", "--fail-fast", "--config", file.path()])
        }
    }

    @Test(arguments: [
        "max_workers", "rpc_timeout", "shutdown_grace", "serializer", "AMQP_SSL", "LOG_LEVEL", "max_headers",
    ])
    func ofASettingThatWasMixedUpWithAnother(_ key: String) async throws {
        try await self.expectSilence(
            ["run", "steady", "--fail-fast"],
            environment: [key.uppercased(): "amqp://svc:CANARY@127.0.0.1/", "AMQP_URI": "amqp://127.0.0.1:1/"]
        )
    }
}
