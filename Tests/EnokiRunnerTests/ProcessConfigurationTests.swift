import Configuration
import Enoki
import EnokiAMQP
import EnokiRabbitMQ
import Logging
import Testing

@testable import EnokiRunner

@Suite struct ProcessConfigurationTests {
    private func configuration(
        commandLine: [String: String] = [:],
        environment: [String: String] = [:],
        file: String = ""
    ) async throws -> ProcessConfiguration {
        try await ProcessConfiguration(
            ConfigReader(
                commandLine: commandLine.mapValues(TextProvider.Text.scalar),
                environment: environment,
                file: try ConfigurationFile(content: Array(file.utf8), name: "shop.yaml")
            )
        )
    }

    private func error(
        commandLine: [String: String] = [:],
        environment: [String: String] = [:],
        file: String = ""
    ) async -> String {
        do {
            _ = try await configuration(commandLine: commandLine, environment: environment, file: file)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func withoutSettingsTheDefaultsOfNamekoHold() async throws {
        let configuration = try await configuration()
        #expect(configuration.settings == ServiceSettings())
        #expect(configuration.logLevel == .info)
        guard case .embedded(port: nil, _) = configuration.broker else { return #expect(Bool(false), "not embedded") }
    }

    @Test func theCommandLineCountsMoreThanTheEnvironmentAndThatMoreThanTheFile() async throws {
        let file = "max_workers: 1\nPREFETCH_COUNT: 1\nparent_calls_tracked: 1\n"
        let environment = ["MAX_WORKERS": "2", "PREFETCH_COUNT": "2"]
        let configuration = try await configuration(
            commandLine: ["max_workers": "3"],
            environment: environment,
            file: file
        )
        #expect(configuration.settings.maxWorkers == 3)
        #expect(configuration.settings.prefetch == 2)
        #expect(configuration.settings.parentCallsTracked == 1)
    }

    @Test(arguments: [
        "AMQP_SSL: true", "AMQP_SSL:\n  ca_certs: /etc/ca.pem", "AMQP_SSL:\n  cert_reqs: CERT_REQUIRED",
    ])
    func aConnectionThatShouldBeEncryptedIsNotSilentlyPlain(_ file: String) async {
        #expect(await self.error(file: file).contains("write AMQP_URI with amqps://"))
    }

    @Test func settingsOfNamekoThatCannotBeObeyedAreRefused() async {
        #expect(await self.error(file: "AMQP_SSL: false\nserializer: json") == "no error")
        #expect(await self.error(file: "serializer: pickle").hasPrefix("serializer is 'pickle'"))
        #expect(await self.error(environment: ["AMQP_SSL": "1"]).contains("amqps://"))
    }

    @Test func everySettingCanStandInTheFile() async throws {
        let file = """
            AMQP_URI: amqp://guest:guest@localhost:5673/shop
            LOG_LEVEL: DEBUG
            max_workers: 3
            PREFETCH_COUNT: 4
            rpc_exchange: other
            rpc_timeout: 1.5
            handler_timeout: 90
            parent_calls_tracked: 5
            shutdown_grace: 0
            delivery_limit: 7
            DECLARE_EVENT_EXCHANGES: false
            AUTO_DELETE_EVENT_EXCHANGES: yes
            strict_topology: true
            """
        let configuration = try await configuration(file: file)
        var expected = ServiceSettings()
        expected.maxWorkers = 3
        expected.prefetch = 4
        expected.rpcExchange = "other"
        expected.rpcTimeout = .milliseconds(1500)
        expected.handlerTimeout = .seconds(90)
        expected.parentCallsTracked = 5
        expected.shutdownGrace = .zero
        expected.deliveryLimit = 7
        expected.declareEventExchanges = false
        expected.autoDeleteEventExchanges = true
        expected.strictTopology = true
        #expect(configuration.settings == expected)
        #expect(configuration.logLevel == .debug)
        guard case .rabbitMQ(let rabbitMQ) = configuration.broker else { return #expect(Bool(false), "not RabbitMQ") }
        #expect(rabbitMQ.vhost == "shop")
        #expect(rabbitMQ.endpoints.first?.port == 5673)
    }

    @Test func servicesReadTheSameSettings() async throws {
        let configuration = try await configuration(
            commandLine: ["payments.currency": "EUR"],
            environment: ["PAYMENTS_LIMIT": "100"]
        )
        #expect(configuration.reader.string(forKey: "payments.currency") == "EUR")
        #expect(configuration.reader.int(forKey: "payments.limit") == 100)
    }

    @Test(arguments: [
        "max_workers", "PREFETCH_COUNT", "rpc_timeout", "handler_timeout", "parent_calls_tracked", "shutdown_grace",
        "delivery_limit", "DECLARE_EVENT_EXCHANGES", "AUTO_DELETE_EVENT_EXCHANGES", "strict_topology",
    ])
    func valuesOfTheWrongTypeAreErrorsWhereverTheyStand(_ key: String) async {
        #expect(await error(commandLine: [key: "hunter2"]).hasPrefix("\(key) in the command line is not "))
        let inEnvironment = await error(environment: [key.uppercased(): "hunter2"])
        #expect(inEnvironment.hasPrefix("\(key) has a value of the wrong type"))
        #expect(await error(file: "\(key): hunter2").hasPrefix("\(key) in shop.yaml is not "))
        #expect(await error(file: "\(key): [hunter2]").hasPrefix("\(key) in shop.yaml is not "))
        #expect(!inEnvironment.contains("hunter2"))
    }

    @Test(arguments: [
        ("max_workers", "0"), ("max_workers", "-1"), ("max_workers", "1000001"), ("max_workers", "1.5"),
        ("max_workers", "9223372036854775807:1"), ("max_workers", "99999999999999999999"), ("PREFETCH_COUNT", "0"),
        ("PREFETCH_COUNT", "65536"), ("rpc_timeout", "0"), ("rpc_timeout", "-1"), ("rpc_timeout", "1e300"),
        ("rpc_timeout", "nan"), ("rpc_timeout", "inf"), ("rpc_timeout", "4000001"), ("shutdown_grace", "-0.1"),
        ("handler_timeout", "-1"), ("handler_timeout", "4000001"), ("handler_timeout", "nan"),
        ("shutdown_grace", "1e300"), ("shutdown_grace", ".nan"), ("shutdown_grace", "-inf"),
        ("parent_calls_tracked", "32"), ("delivery_limit", "-1"), ("delivery_limit", "1001"), ("rpc_exchange", ""),
    ])
    func valuesOutOfRangeAreErrorsThatNameTheKey(_ key: String, _ value: String) async {
        #expect(await error(commandLine: [key: value]).hasPrefix(key))
        #expect(await error(environment: [key.uppercased(): value]).hasPrefix(key))
        #expect(await error(file: "\(key): \(value.isEmpty ? "''" : value)").hasPrefix(key))
    }

    @Test func anAddressThatCannotBeReadIsAnErrorWithoutThePassword() async {
        let error = await error(environment: ["AMQP_URI": "amqp://ada:hunter2@host:port/"])
        #expect(error.contains("invalidAddress"))
        #expect(!error.contains("hunter2"))
    }

    @Test func anEmptyAddressIsAnErrorRatherThanTheEmbeddedBroker() async {
        #expect(await error(environment: ["AMQP_URI": ""]).contains("AMQP_URI is empty"))
    }

    @Test func theEmbeddedBrokerOpensAPortWhereItIsTold() async throws {
        let configuration = try await configuration(environment: ["AMQP_SERVER_ADDRESS": "5673"])
        guard case .embedded(let port?, _) = configuration.broker else { return #expect(Bool(false), "no port") }
        #expect(port.address.description == "127.0.0.1:5673")
        // Users alone open nothing.
        let closed = try await self.configuration(environment: ["AMQP_SERVER_USERS": "ada:secret"])
        guard case .embedded(port: nil, _) = closed.broker else { return #expect(Bool(false), "a port") }
    }

    @Test func aPortOfABrokerThatIsNotUsedIsAnError() async {
        let error = await error(commandLine: ["AMQP_SERVER_ADDRESS": "5672"], environment: ["AMQP_URI": "amqp://host/"])
        #expect(error.contains("leave one of them out"))
    }

    @Test func servicesRunOnOneVirtualHost() async {
        let port = ["AMQP_SERVER_ADDRESS": "5672", "AMQP_SERVER_VIRTUAL_HOSTS": "a,b"]
        #expect(await error(environment: port).hasPrefix("AMQP_SERVER_VIRTUAL_HOSTS has 2 names"))
    }

    @Test func theLimitsOfMessagesAreSettings() async throws {
        let configuration = try await configuration(
            file: "AMQP_URI: amqp://localhost/\nmax_body_size: 33554432\nmax_body_depth: 8\nmax_headers: 5\n"
                + "max_headers_size: 100\ncontext_keys: [language, user_id]"
        )
        var limits = MessageLimits()
        limits.bodySize = 32 << 20
        limits.bodyDepth = 8
        limits.headerCount = 5
        limits.headersSize = 100
        #expect(configuration.settings.limits == limits)
        #expect(configuration.settings.contextKeys == ["language", "user_id"])
        guard case .rabbitMQ(let rabbitMQ) = configuration.broker else { return #expect(Bool(false), "not RabbitMQ") }
        #expect(rabbitMQ.maxBodySize == 32 << 20)
        for (size, kept) in [(32 << 20, 32 << 20), (1000, 16 << 20)] {
            let embedded = try await self.configuration(file: "max_body_size: \(size)")
            guard case .embedded(_, kept) = embedded.broker else { return #expect(Bool(false), "not embedded") }
        }
    }

    @Test(arguments: [
        "max_body_size: 0", "max_body_size: 134217729", "max_body_depth: 129", "max_body_depth: -1", "max_headers: 0",
        "max_headers_size: 131073",
    ])
    func limitsOutOfRangeAreErrors(_ line: String) async {
        let key = line.prefix { $0 != ":" }
        #expect(await error(file: line).hasPrefix("\(key) is "))
    }
}
