import Configuration
import Enoki
import EnokiAMQP
import Testing

@testable import EnokiRunner

@Suite struct PortConfigurationTests {
    private func port(
        commandLine: [String: String] = [:],
        environment: [String: String] = [:],
        file: String = ""
    ) async throws -> PortConfiguration {
        try await PortConfiguration(
            ConfigReader(
                commandLine: commandLine.mapValues(TextProvider.Text.scalar),
                environment: environment,
                file: try ConfigurationFile(content: Array(file.utf8), name: "shop.yaml")
            )
        )
    }

    private func error(environment: [String: String] = [:], file: String = "") async -> String {
        await #expect(throws: ConfigurationError.self) {
            _ = try await port(environment: environment, file: file)
        }?.description ?? ""
    }

    @Test func withoutSettingsGuestLogsInFromThisMachineAtThePortOfAMQP() async throws {
        let port = try await port()
        #expect(port.address == .loopback(port: 5672))
        #expect(port.virtualHosts == ["/"])
        #expect(port.amqp == AMQPConfiguration())
    }

    @Test func everySettingCanStandInTheFile() async throws {
        let port = try await port(
            file: """
                AMQP_SERVER_ADDRESS: 0.0.0.0:5673
                AMQP_SERVER_USERS: ["ada:with, comma", "bob:with:colon", "guest:other"]
                AMQP_SERVER_VIRTUAL_HOSTS: [/, shop]
                AMQP_SERVER_HEARTBEAT: 7
                """
        )
        #expect(port.address == AMQPAddress(host: "0.0.0.0", port: 5673))
        #expect(port.virtualHosts == ["/", "shop"])
        #expect(port.amqp.heartbeat == .seconds(7))
        #expect(
            port.amqp.users == [
                AMQPUser(name: "ada", password: "with, comma"),
                AMQPUser(name: "bob", password: "with:colon"),
                AMQPUser(name: "guest", password: "other", isLoopbackOnly: true),
            ]
        )
    }

    @Test func usersCanStandInTheEnvironment() async throws {
        let port = try await port(environment: ["AMQP_SERVER_USERS": "ada:secret,bob:other"])
        #expect(port.amqp.users.map(\.name) == ["ada", "bob"])
        #expect(port.amqp.users.map(\.password) == ["secret", "other"])
    }

    @Test(arguments: [
        ("5673", "127.0.0.1:5673"), ("0", "127.0.0.1:0"), ("localhost:1", "localhost:1"),
        ("[::1]:65535", "[::1]:65535"),
        ("broker.example:5672", "broker.example:5672"),
    ])
    func anAddressIsAHostAndAPort(_ text: String, _ address: String) {
        #expect(AMQPAddress(text: text)?.description == address)
    }

    @Test(arguments: [
        "", ":", ":5672", "host", "host:", "host:65536", "host:-1", "host:+1", "host: 1", "::1:5672", "[::1]",
        "[::1:5672",
        "host:99999999999999999999", "a:b:1", "amqp://host:5672",
    ])
    func anythingElseIsNone(_ text: String) async {
        #expect(AMQPAddress(text: text) == nil)
        #expect(
            await error(environment: ["AMQP_SERVER_ADDRESS": text]).hasPrefix("AMQP_SERVER_ADDRESS is not an address")
        )
    }

    @Test(arguments: ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
    func whatOnlyThisMachineReachesNeedsNoOtherUser(_ host: String) {
        #expect(AMQPAddress(host: host, port: 1).isLoopback)
    }

    @Test(arguments: ["0.0.0.0:1", "[::]:1", "192.168.1.2:1", "broker.example:1", "127.0.0.evil:1", "127.example:1"])
    func atAnAddressForOthersGuestAloneIsRefused(_ address: String) async throws {
        let error = await error(environment: ["AMQP_SERVER_ADDRESS": address])
        #expect(error.contains("nobody could log in from another machine at \(address)"))
        #expect(error.contains("Give a user of your own in AMQP_SERVER_USERS, or listen on 127.0.0.1"))
        let withUser = try await port(environment: ["AMQP_SERVER_ADDRESS": address, "AMQP_SERVER_USERS": "ada:secret"])
        #expect(withUser.address.description == address)
    }

    @Test(arguments: [
        ("AMQP_SERVER_USERS: hunter2", "user 1 in AMQP_SERVER_USERS is not name:password"),
        ("AMQP_SERVER_USERS: ['ada:secret', ':hunter2']", "user 2 in AMQP_SERVER_USERS is not name:password"),
        ("AMQP_SERVER_USERS: ['ada:hunter2', 'ada:hunter2']", "AMQP_SERVER_USERS has a user twice"),
        ("AMQP_SERVER_USERS: []", "AMQP_SERVER_USERS is empty"),
        ("AMQP_SERVER_VIRTUAL_HOSTS: []", "AMQP_SERVER_VIRTUAL_HOSTS has no name in it"),
        ("AMQP_SERVER_VIRTUAL_HOSTS: ['a', '']", "AMQP_SERVER_VIRTUAL_HOSTS has no name in it"),
        ("AMQP_SERVER_VIRTUAL_HOSTS: ['a', 'b', 'a']", "AMQP_SERVER_VIRTUAL_HOSTS has 'a' twice"),
        ("AMQP_SERVER_HEARTBEAT: hunter2", "AMQP_SERVER_HEARTBEAT is not a whole number of seconds from 0 to 65535"),
        ("AMQP_SERVER_HEARTBEAT: 65536", "AMQP_SERVER_HEARTBEAT is not a whole number of seconds from 0 to 65535"),
        ("AMQP_SERVER_HEARTBEAT: -1", "AMQP_SERVER_HEARTBEAT is not a whole number of seconds from 0 to 65535"),
        ("AMQP_SERVER_ADDRESS: hunter2", "AMQP_SERVER_ADDRESS is not an address"),
    ])
    func whatCannotWorkIsAnErrorThatQuotesNoPassword(_ file: String, _ expected: String) async {
        let error = await error(file: file)
        #expect(error.hasPrefix(expected))
        #expect(!error.contains("hunter2"))
    }
}
