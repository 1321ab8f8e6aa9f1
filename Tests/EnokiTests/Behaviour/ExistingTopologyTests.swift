import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// Two versions of a service that want different arguments, as in a rolling deploy.
@Suite struct ExistingTopologyTests {
    private struct Archive: Microservice {
        static let name = "archive"
        let titles = Shelf<String>()
        var entrypoints: [any Entrypoint] {
            EventHandler("keep", of: "press", "published") { (news: Published) in titles.put(news.title) }
            RPC("count") { titles.elements.count }
        }
    }

    @Test(
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/3464",
            "MassTransit: a queue with other arguments is an error without a remedy"
        ),
        arguments: TestBroker.allCases
    )
    func aServiceWorksWithQueuesThatExistWithOtherArguments(_ broker: TestBroker) async throws {
        try await broker.withConnections { connect in
            try await withServices(Press(), connect: connect) { cluster in
                let queues = ["rpc-archive", "evt-press-published--archive.keep"]
                try await cluster.broker.declare(
                    Topology(queues: queues.map { Queue($0, arguments: ["x-max-length": 1000]) })
                )
                let archive = Archive()
                try await withServices(archive, connect: connect) { other in
                    try await cluster.rpc("press").publish(title: "Old and new")
                    try await eventually("the event is handled") { archive.titles.elements == ["Old and new"] }
                    #expect(try await other.rpc("archive").count() == 1)
                }
            }
        }
    }

    @Test func theLogSaysOnceForEachHowItDiffers() async throws {
        let log = LogRecorder()
        try await TestBroker.inProcess.withConnections { connect in
            try await withServices(connect: connect) { cluster in
                let existing = Queue("rpc-archive", arguments: ["x-max-length": 1000])
                try await cluster.broker.declare(Topology(queues: [existing]))
                try await withServices(Archive(), connect: connect, logger: log.logger) { _ in }
            }
        }
        let warnings = log.entries.filter { $0.message.contains("used as it is") }.map(\.description)
        #expect(warnings.count == 1, "\(log.entries)")
        for part in ["warning", "queue 'rpc-archive'", "'x-max-length'", "1000", "none", "Delete the queue"] {
            #expect(warnings.first?.contains(part) == true, "\(warnings)")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aStrictServiceSaysWhichArgumentAndWhatToDo(_ broker: TestBroker) async throws {
        var settings = ServiceSettings()
        settings.strictTopology = true
        try await self.expectRefusal(
            of: Topology(queues: [Queue("rpc-archive", arguments: ["x-expires": 60_000])]),
            settings,
            broker,
            saying: ["x-expires", "rpc-archive", "60000", "elete"]
        )
    }

    /// It would go with the next start of the broker, and all that is in it.
    @Test(arguments: TestBroker.allCases)
    func aQueueThatKeepsLessIsRefused(_ broker: TestBroker) async throws {
        try await self.expectRefusal(
            of: Topology(queues: [Queue("rpc-archive", durable: false)]),
            ServiceSettings(),
            broker,
            saying: ["durable", "rpc-archive"]
        )
    }

    /// Its bindings would let other messages through, or none.
    @Test(arguments: TestBroker.allCases)
    func anExchangeOfAnotherTypeIsRefused(_ broker: TestBroker) async throws {
        try await self.expectRefusal(
            of: Topology(exchanges: [Exchange("press.events", .fanout)]),
            ServiceSettings(),
            broker,
            saying: ["type", "press.events", "fanout", "topic"]
        )
    }

    /// A message that failed comes back by the arguments of what it waits in.
    @Test(arguments: TestBroker.allCases)
    func theWayBackOfFailedMessagesIsNotUsedWhenItIsAnother(_ broker: TestBroker) async throws {
        try await self.expectRefusal(
            of: Topology(exchanges: [Exchange("enoki.retry", .direct)]),
            ServiceSettings(),
            broker,
            saying: ["alternate-exchange", "enoki.retry", "enoki.lost"]
        )
    }

    private func expectRefusal(
        of existing: Topology,
        _ settings: ServiceSettings,
        _ broker: TestBroker,
        saying parts: [String]
    ) async throws {
        try await broker.withConnections { connect in
            try await withServices(connect: connect) { cluster in
                try await cluster.broker.declare(existing)
                let error = await #expect(throws: BrokerError.self) {
                    try await withServices([Archive()], settings: settings, connect: connect) { _ in
                        Issue.record("it started")
                    }
                }
                #expect(error?.code == .preconditionFailed)
                for part in parts { #expect(error?.message.contains(part) == true, "\(error?.message ?? "")") }
            }
        }
    }
}
