import EnokiRabbitMQ
import EnokiTestSupport
import EnokiTesting
import Foundation
import GRDB
import Testing

/// Processes that share a file, and die.
@Suite(.timeLimit(.minutes(5))) struct ProcessTests {
    private static let queue = "evt-shop-sold--bookkeeper.book"

    /// The work of processes: what they share, and what they have done.
    private struct Work {
        let place: Place
        let uri: String
        let cluster: Cluster

        func process<Value>(
            dies: Bool = false,
            lease: Int = 1,
            _ body: (ChildProcess) async throws -> Value
        ) async throws -> Value {
            var environment = ["FIXTURE_DATABASE": self.place.path, "FIXTURE_LEDGER": self.ledger.path()]
            environment["FIXTURE_LEASE"] = "\(lease)"
            if dies { environment["FIXTURE_DIES"] = "yes" }
            let program = BuiltExecutable.path("sqlite-fixture")
            return try await ChildProcess.with(program, ["run", "--broker", self.uri], environment: environment, body)
        }

        func publish(_ sku: String, id: String) async throws {
            let message = Message(
                #"{"sku": "\#(sku)"}"#,
                properties: BasicProperties(contentType: "application/json", messageID: id)
            )
            try await self.cluster.broker.publish(message, to: "shop.events", routingKey: "sold")
        }

        func consumers(_ count: Int) async throws {
            try await self.cluster.waitForQueue(ProcessTests.queue) { $0.consumerCount == count }
        }

        private var ledger: URL { self.place.folder.appending(path: "ledger") }

        var lines: [String] {
            let text = (try? String(contentsOf: self.ledger, encoding: .utf8)) ?? ""
            return text.split(separator: "\n").map(String.init)
        }

        var sales: [String] {
            get throws {
                try DatabaseQueue(path: self.place.path).read { try String.fetchAll($0, sql: "SELECT sku FROM sales") }
            }
        }
    }

    private func with(_ broker: TestBroker, _ body: @escaping (Work) async throws -> Void) async throws {
        try await Place.with { place in
            try await broker.withURI { uri in
                let configuration = try RabbitMQConfiguration.patient(uri: uri)
                let connect = { @Sendable in RabbitMQBroker(configuration: configuration, logger: TestBroker.silent) }
                try await withServices([], connect: connect, patience: .seconds(60)) { cluster in
                    try await body(Work(place: place, uri: uri, cluster: cluster))
                }
            }
        }
    }

    @Test(arguments: TestBroker.reachable) func severalProcessesHandleEachMessageOnce(_ broker: TestBroker) async throws
    {
        try await self.with(broker) { work in
            // Longer than a busy machine lets a process wait: a claim whose lease ends is another's.
            try await work.process(lease: 60) { _ in
                try await work.process(lease: 60) { _ in
                    try await work.consumers(2)
                    let skus = (0..<100).map { "\($0)" }
                    for sku in skus { try await work.publish(sku, id: sku) }
                    try await eventually("all are handled") { Set(work.lines).count == skus.count }
                    // None is in hand any more that one of them could have to wait for.
                    for sku in skus { try await work.publish(sku, id: sku) }
                    try await work.publish("last", id: "last")
                    try await eventually("the last one is handled") { work.lines.contains("last") }
                    try await work.cluster.waitForQueue(Self.queue) { $0.messageCount == 0 }
                    #expect(work.lines.sorted() == (skus + ["last"]).sorted())
                }
            }
        }
    }

    /// What is left where the effect is not in the database: the bound that the documentation names.
    @Test(arguments: TestBroker.reachable)
    func aProcessThatDiesAfterItsHandlerAndBeforeTheNoteHasItHandledOnceMore(_ broker: TestBroker) async throws {
        try await self.with(broker) { work in
            try await work.process(dies: true) { process in
                try await work.consumers(1)
                try await work.publish("deadly", id: "m-1")
                #expect(try await process.ended() == .signal(SIGKILL))
            }
            #expect(work.lines == ["deadly"])
            try await work.process { _ in
                try await eventually("it is handled once more", equals: ["deadly", "deadly"]) { work.lines }
                try await work.publish("deadly", id: "m-1")
                try await work.publish("last", id: "last")
                try await eventually("the last one is handled", equals: ["deadly", "deadly", "last"]) { work.lines }
            }
        }
    }

    @Test(arguments: TestBroker.reachable)
    func whatIsCommittedWithTheNoteIsThereOnceWheneverTheProcessDies(_ broker: TestBroker) async throws {
        try await self.with(broker) { work in
            try await work.process(dies: true) { process in
                try await work.consumers(1)
                try await work.publish("row-deadly", id: "m-1")
                #expect(try await process.ended() == .signal(SIGKILL))
            }
            try await work.process { _ in
                try await work.publish("last", id: "last")
                try await eventually("the last one is handled", equals: ["row-deadly", "last"]) { work.lines }
                try await work.cluster.waitForQueue(Self.queue) { $0.messageCount == 0 }
                #expect(try work.sales == ["row-deadly"])
            }
        }
    }
}
