import Configuration
import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// Settings and configuration, where they take effect.
@Suite struct SettingsTests {
    private struct Configured: Microservice {
        static let name = "configured"
        let config = Config()
        var entrypoints: [any Entrypoint] {
            RPC("currency") { () async throws -> String in
                try config.reader.string(forKey: "payments.currency", default: "EUR")
            }
            EventHandler("named", of: "press", "published", mode: .broadcast(.configuration(key: "site"))) {}
            EventHandler("hosted", of: "press", "published", mode: .broadcast(.hostname)) {}
        }
    }

    private static let config = ConfigReader(
        provider: InMemoryProvider(values: ["payments.currency": "CHF", "site": "bern"])
    )

    @Test func aServiceReadsItsConfiguration() async throws {
        try await withServices(Configured(), config: Self.config) { cluster in
            let currency: String = try await cluster.rpc("configured").currency()
            #expect(currency == "CHF")
        }
    }

    @Test func aConfigOutsideOfAContainerSaysSo() { #expect(throws: ConfigurationError.self) { try Config().reader } }

    @Test func aBroadcastIsIdentifiedByConfigurationOrHost() async throws {
        let host = try ServiceHost(
            broker: InProcessBroker(),
            services: [Configured()],
            config: Self.config,
            logger: TestBroker.silent
        )
        let queues = host.containers[0].entrypoints.filter { $0.kind == "EventHandler" }.flatMap(\.topology.queues)
        try #require(queues.count == 2)
        #expect(queues[0] == Queue("evt-press-published--configured.named-bern"))
        let prefix = "evt-press-published--configured.hosted-"
        #expect(queues[1].name.hasPrefix(prefix))
        #expect(queues[1].name.count > prefix.count)
        #expect(!queues[1].exclusive && !queues[1].autoDelete)
    }

    @Test(arguments: TestBroker.allCases) func anotherExchangeIsAnotherWorld(_ broker: TestBroker) async throws {
        var settings = ServiceSettings()
        settings.rpcExchange = "elsewhere"
        try await withServices(Calculator(), on: broker, settings: settings) { cluster in
            let sum: Int = try await cluster.rpc("calculator").add(a: 1, b: 2)
            #expect(sum == 3)
            let error = await #expect(throws: BrokerError.self) {
                try await cluster.broker.publish(Message(""), to: "nameko-rpc", routingKey: "calculator.add")
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test(arguments: TestBroker.allCases) func thePrefetchIsSetApartFromTheWorkers(_ broker: TestBroker) async throws {
        struct Busy: Microservice {
            static let name = "busy"
            let gate = Latch()
            var entrypoints: [any Entrypoint] { RPC("work") { await gate.wait() } }
        }
        var settings = ServiceSettings()
        settings.maxWorkers = 1
        settings.prefetch = 5
        let busy = Busy()
        try await withServices(busy, on: broker, settings: settings) { cluster in
            let properties = BasicProperties(contentType: "application/json")
            for _ in 0..<9 {
                let request = Message(#"{"args": [], "kwargs": {}}"#, properties: properties)
                try await cluster.broker.publish(request, to: "nameko-rpc", routingKey: "busy.work")
            }
            try await eventually("five are delivered", equals: 4) {
                try await cluster.broker.inspect(queue: "rpc-busy").messageCount
            }
            let worked = cluster.expect(Busy.self, "work", count: 9)
            busy.gate.open()
            try await worked.values()
        }
    }
}
