import Configuration
import Enoki
import EnokiBroker
import EnokiTestSupport
import Testing

@testable import EnokiRunner

@Suite struct SettingSourcesTests {
    private func sources(
        definitions: [String: String] = [:],
        options: [String: String] = [:],
        environment: [String: String] = [:],
        file: String = ""
    ) throws -> SettingSources {
        SettingSources(
            definitions: definitions.mapValues(TextProvider.Text.scalar),
            options: options.mapValues(TextProvider.Text.scalar),
            environment: environment,
            file: try ConfigurationFile(content: Array(file.utf8), name: "shop.yaml")
        )
    }

    // MARK: - Slips

    @Test(arguments: [
        ("AMPQ_URI", "AMQP_URI"), ("AMQP_URL", "AMQP_URI"), ("amqp_uri", "AMQP_URI"), ("AMQP-URI", "AMQP_URI"),
        ("AMQPURI", "AMQP_URI"), ("max_workerz", "max_workers"), ("MAX_WORKERS", "max_workers"),
        ("max-workers", "max_workers"), ("maxWorkers", "max_workers"), ("max_worker", "max_workers"),
        ("prefetch_count", "PREFETCH_COUNT"), ("LOGLEVEL", "LOG_LEVEL"), ("log_level", "LOG_LEVEL"),
        ("rcp_timeout", "rpc_timeout"), ("delivery_limits", "delivery_limit"), ("max_header_size", "max_headers_size"),
        ("shutdown_grase", "shutdown_grace"), ("DECLARE_EVENT_EXCHANGE", "DECLARE_EVENT_EXCHANGES"),
    ])
    func aSlipIsSaidWithWhatIsMeant(_ name: String, _ known: String) throws {
        let inFile = try self.sources(file: "\(name): hunter2").misspelt.map(\.description)
        #expect(inFile == ["\(name) in shop.yaml is not read: is \(known) meant?"])
        let defined = try self.sources(definitions: [name: "hunter2"]).misspelt.map(\.description)
        #expect(defined == ["\(name) on the command line is not read: is \(known) meant?"])
    }

    @Test func aSlipInNestingIsOneToo() throws {
        #expect(try self.sources(file: "AMQP:\n  URI: amqp://host/").misspelt.map(\.name) == ["AMQP.URI"])
        #expect(try self.sources(definitions: ["amqp.uri": "amqp://host/"]).misspelt.map(\.known) == ["AMQP_URI"])
    }

    @Test(arguments: [
        ("AMQP_URL", "AMQP_URI"), ("AMPQ_URI", "AMQP_URI"), ("amqp_uri", "AMQP_URI"), ("AMQP_URIS", "AMQP_URI"),
        ("MAX_WORKER", "MAX_WORKERS"), ("max_workers", "MAX_WORKERS"), ("LOGLEVEL", "LOG_LEVEL"),
        ("AMQP_SERVER_ADRESS", "AMQP_SERVER_ADDRESS"),
    ])
    func aSlipInTheEnvironmentIsSaid(_ name: String, _ known: String) throws {
        let misspelt = try self.sources(environment: [name: "hunter2"]).misspelt.map(\.description)
        #expect(misspelt == ["\(name) in the environment is not read: is \(known) meant?"])
    }

    @Test func aVariableBesideTheSettingItLooksLikeIsSomebodyElses() throws {
        #expect(try self.sources(environment: ["AMQP_URL": "a", "AMQP_URI": "b"]).misspelt.isEmpty)
        #expect(try self.sources(environment: ["AMQP_URL": "a"], file: "AMQP_URI: b").misspelt.isEmpty)
        #expect(try self.sources(options: ["AMQP_URI": "b"], environment: ["AMQP_URL": "a"]).misspelt.isEmpty)
        // Who writes both into his file meant something with each.
        #expect(try self.sources(file: "AMQP_URL: a\nAMQP_URI: b").misspelt.map(\.name) == ["AMQP_URL"])
    }

    @Test func whatIsReadAndWhatServicesAndNamekoReadIsNoSlip() throws {
        let names = KnownSettings.names + KnownSettings.nameko
        let file = names.map { "\($0): 1" }.joined(separator: "\n")
        #expect(try self.sources(file: file).misspelt.isEmpty)
        let environment = Dictionary(uniqueKeysWithValues: names.map { ($0.uppercased(), "1") })
        #expect(try self.sources(environment: environment).misspelt.isEmpty)
        let others = """
            AMQP_SSL: {ca_certs: a}
            LOGGING: {version: 1, handlers: {console: {class: a}}}
            TRANSPORT_OPTIONS: {max_retries: 3}
            payments: {currency: EUR, limit: 100}
            database_uri: a
            orders_topic: b
            """
        #expect(try self.sources(file: others).misspelt.isEmpty)
        let variables = [
            "PATH", "HOME", "RABBITMQ_URI", "AMQP_HOST", "AMQP_PORT", "AMQP_USER", "AMQP_TLS", "AMQP_SSL_CA_CERTS",
            "DB_URI",
            "WORKERS", "",
        ]
        let values = Dictionary(uniqueKeysWithValues: variables.map { ($0, "a") })
        #expect(try self.sources(environment: values).misspelt.isEmpty)
    }

    @Test func allThatAProcessReadsIsKnown() async throws {
        let read = Collector<String>()
        let reader = ConfigReader(
            provider: TextProvider(name: "nothing") { key in
                read.append(key.components.joined(separator: "."))
                return nil
            }
        )
        _ = try await ProcessConfiguration(reader)
        _ = try await PortConfiguration(reader)
        _ = try await ManagementAPI(reader, vhost: "/")
        let unknown = Set(read.elements).subtracting(KnownSettings.names)
        #expect(unknown.allSatisfy { name in KnownSettings.nameko.contains { name.hasPrefix($0) } }, "\(unknown)")
        #expect(Set(KnownSettings.names).isSubset(of: read.elements))
    }

    @Test(arguments: [
        ("", "", 0), ("a", "", 1), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("abc", "xabc", 1),
        ("abc", "axc", 1), ("ampquri", "amqpuri", 1), ("ampqurl", "amqpuri", 2), ("ab", "ba", 1), ("ca", "abc", 3),
        ("kitten", "sitting", 3), ("a", "abcdef", 6),
    ])
    func slipsAreCounted(_ first: String, _ second: String, _ count: Int) {
        #expect(EditDistance(Array(first.utf8), Array(second.utf8)).count == count)
        #expect(EditDistance(Array(second.utf8), Array(first.utf8)).count == count)
    }

    // MARK: - The broker's address

    @Test func anAddressThatCannotBeReadSaysWhereItWasGiven() async throws {
        let address = "redis://ada:hunter2@host/"
        let everywhere = try [
            (self.sources(options: ["AMQP_URI": address], environment: ["AMQP_URI": "x"]), "--broker"),
            (self.sources(definitions: ["AMQP_URI": address], environment: ["AMQP_URI": "x"]), "-d AMQP_URI"),
            (
                self.sources(environment: ["AMQP_URI": address], file: "AMQP_URI: x"),
                "the environment variable AMQP_URI"
            ),
            (self.sources(file: "AMQP_URI: \(address)"), "AMQP_URI in shop.yaml"),
        ]
        for (sources, origin) in everywhere {
            let error = await #expect(throws: BrokerError.self) {
                _ = try await sources.namingAddress { try await ProcessConfiguration(sources.reader) }
            }
            #expect(error?.code == .invalidAddress)
            #expect(error?.message.hasSuffix("; it was given by \(origin)") == true)
            #expect(error?.message.contains("hunter2") == false)
        }
        #expect(try self.sources().addressOrigin == nil)
    }
}
